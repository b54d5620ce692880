// Passkeys in a real browser: made on the page of the account, then used in place of the password, with an
// authenticator that Chromium has for tests.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { check, startDev } from './dev.mjs'
import { relyingParty, signedIn } from './relying-party.mjs'

let dev
let app
before(async () => {
  dev = await startDev()
  app = await relyingParty(dev.base)
})
after(async () => {
  await dev?.stop()
  app?.close()
})

async function claims(request) {
  const [, payload] = (await app.redeemed(request)).id_token.split('.')
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

test('a passkey is made, signs in, and is removed', async () => {
  const { page, complaints, close } = await dev.visit('/dev/clock')
  const own = await authenticator(page)
  await signedIn(page, app)
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
  const request = app.asked()
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
  await page.goto(app.asked({ prompt: 'login' }).url)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByText('That did not work.').waitFor()
  await check(page, 'no passkey')
  await page.getByRole('button', { name: 'Use a password' }).click()
  await page.getByLabel('Password').waitFor()
  await close()
})

test('without script, there is another way', async () => {
  const { page, close } = await dev.visit('/dev/clock', { javaScriptEnabled: false })
  await page.goto(app.asked({ prompt: 'login' }).url)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByRole('heading', { name: 'Use your passkey' }).waitFor()
  // The form comes back with nothing in it.
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.locator('#problems').getByText('Passkeys need JavaScript.').waitFor()
  await page.getByRole('button', { name: 'Use a password' }).click()
  await page.getByLabel('Password').waitFor()
  await close()
})
