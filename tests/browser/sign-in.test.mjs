// The ordinary sign-in, as a person sees it on the way from an app and back: with and without script.

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
    // Browsers look for an icon, too.
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
    scope: 'openid profile email',
    state: randomBytes(16).toString('base64url'),
    nonce: 'n',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, verifier, redirect, state: parameters.state }
}

async function redeemed({ verifier, redirect, state }) {
  const callback = callbacks.at(-1)
  assert.equal(callback?.searchParams.get('state'), state)
  assert.equal(callback?.searchParams.get('iss'), dev.base)
  const answer = await fetch(`${dev.base}/as/token.oauth2`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'spa',
      code: callback?.searchParams.get('code') ?? '',
      redirect_uri: redirect,
      code_verifier: verifier,
    }),
  })
  assert.equal(answer.status, 200)
  return answer.json()
}

for (const javaScriptEnabled of [true, false]) {
  test(`a person signs in ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
    const { page, complaints, close } = await dev.visit('/dev/clock', { javaScriptEnabled })
    const request = asked({ prompt: 'consent' })
    await page.goto(request.url)
    if (javaScriptEnabled) await check(page, 'sign-in')
    await page.getByLabel('Username').fill('alice')
    await page.getByLabel('Password').fill('not hers')
    await page.keyboard.press('Enter')
    await page.getByText('The username or the password is not right.').first().waitFor()
    assert.equal(await page.getByLabel('Username').inputValue(), 'alice', 'nobody types a name twice')
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    if (javaScriptEnabled) await check(page, 'wrong password')

    // Whoever guesses has to wait a second.
    await new Promise((resolve) => setTimeout(resolve, 1200))
    await page.getByLabel('Password').fill('alice')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Allow' }).waitFor()
    if (javaScriptEnabled) await check(page, 'consent')
    await page.getByLabel('See your email address').uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('Welcome back.').waitFor()
    assert.equal((await redeemed(request)).scope, 'openid profile')

    // Signed in and asked before: the app has its answer at once.
    const again = asked({ scope: 'openid profile', prompt: 'none' })
    await page.goto(again.url)
    await page.getByText('Welcome back.').waitFor()
    assert.ok((await redeemed(again)).id_token)

    const other = asked({ prompt: 'login' })
    await page.goto(other.url)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Welcome back.').waitFor()
    assert.equal(callbacks.at(-1)?.searchParams.get('error'), 'access_denied')
    assert.deepEqual(complaints.filter((complaint) => !/asked elsewhere: http:..localhost:\d+.(callback|favicon)/.test(complaint)), [])
    await close()
  })
}

test('who goes back and sends the form again is not signed in twice', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  const request = asked({ scope: 'openid' })
  await page.goto(request.url)
  await page.getByLabel('Username').fill('bob')
  await page.getByLabel('Password').fill('bob')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('Welcome back.').waitFor()
  const count = callbacks.length
  await page.goBack()
  await page.waitForLoadState()
  assert.equal(callbacks.length, count)
  assert.match(await page.title(), /^(Error: )?/)
  await close()
})
