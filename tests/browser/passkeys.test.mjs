// Passkeys in a real browser: made on the page of the account, then used in place of the password, with an
// authenticator that Chromium has for tests.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { check, startDev } from './dev.mjs'

let dev
let app
let callbacks
before(async () => {
  dev = await startDev()
  callbacks = []
  app = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/callback') callbacks.push(url)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><title>The app</title><p>Welcome back.</p>')
  })
  await new Promise((resolve) => app.listen(0, 'localhost', () => resolve(undefined)))
})
after(async () => {
  await dev?.stop()
  app?.close()
})

/** A request of the seeded public client. */
function asked(more = {}) {
  const address = app.address()
  const redirect = `http://localhost:${typeof address === 'object' ? address?.port : 0}/callback`
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(`${dev.base}/as/authorization.oauth2`)
  const parameters = {
    client_id: 'spa',
    redirect_uri: redirect,
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, verifier, redirect }
}

async function claims({ verifier, redirect }) {
  const answer = await fetch(`${dev.base}/as/token.oauth2`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'spa',
      code: callbacks.at(-1)?.searchParams.get('code') ?? '',
      redirect_uri: redirect,
      code_verifier: verifier,
    }),
  })
  assert.equal(answer.status, 200)
  const [, payload] = (await answer.json()).id_token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}

/** The authenticator of this page. */
async function authenticator(page) {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return {
    credentials: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    verifies: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  }
}

async function signedIn(page) {
  await page.goto(asked().url)
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('alice')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Allow' }).or(page.getByText('Welcome back.')).waitFor()
  if (await page.getByRole('button', { name: 'Allow' }).isVisible()) {
    await page.getByRole('button', { name: 'Allow' }).click()
  }
  await page.getByText('Welcome back.').waitFor()
}

test('a passkey is made, signs in, and is removed', async () => {
  const { page, complaints, close } = await dev.visit('/dev/clock')
  const own = await authenticator(page)
  await signedIn(page)
  await page.goto(`${dev.base}/account/passkeys`)
  await check(page, 'no passkeys')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByLabel('Name of the passkey').fill('My laptop')
  await check(page, 'a new passkey')
  await page.getByRole('button', { name: 'Create the passkey' }).click()
  await page.getByRole('button', { name: 'Remove My laptop' }).waitFor()
  await check(page, 'one passkey')
  const [credential] = await own.credentials()
  assert.equal(credential.rpId, 'localhost')
  assert.ok(credential.isResidentCredential)

  // Somebody else's browser window: nobody is signed in there, and no name is asked for.
  await page.context().clearCookies()
  const request = asked()
  await page.goto(request.url)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByText('Welcome back.').waitFor()
  const { acr, amr } = await claims(request)
  assert.equal(acr, 'urn:nod:acr:passkey')
  assert.deepEqual(amr, ['pop', 'swk', 'user', 'mfa'])

  await page.goto(`${dev.base}/account/passkeys`)
  await page.getByText('last used').waitFor()
  await page.getByRole('button', { name: 'Remove My laptop' }).click()
  await page.getByText('You have no passkeys yet.').waitFor()
  const foreign = (complaint) => !/asked elsewhere: http:..localhost:\d+.(callback|favicon)/.test(complaint)
  assert.deepEqual(complaints.filter(foreign), [])
  await close()
})

test('who has no passkey here goes back to the password', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  const own = await authenticator(page)
  await own.verifies(false)
  await page.goto(asked({ prompt: 'login' }).url)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByText('That did not work.').waitFor()
  await check(page, 'no passkey')
  await page.getByRole('button', { name: 'Use a password' }).click()
  await page.getByLabel('Password').waitFor()
  await close()
})

test('without script, there is another way', async () => {
  const { page, close } = await dev.visit('/dev/clock', { javaScriptEnabled: false })
  await page.goto(asked({ prompt: 'login' }).url)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByRole('heading', { name: 'Use your passkey' }).waitFor()
  // The form comes back with nothing in it.
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.locator('#problems').getByText('Passkeys need JavaScript.').waitFor()
  await page.getByRole('button', { name: 'Use a password' }).click()
  await page.getByLabel('Password').waitFor()
  await close()
})
