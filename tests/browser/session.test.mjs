// OpenID Connect Session Management 1.0: a page of an app sees in its own browser that somebody signed out.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { startDev } from './dev.mjs'

let dev
let app
let frame
let callbacks

before(async () => {
  dev = await startDev()
  frame = (await (await fetch(`${dev.base}/.well-known/openid-configuration`)).json()).check_session_iframe
  callbacks = []
  app = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/callback') callbacks.push(url)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    const watched = url.pathname === '/watch' ? `<iframe id="op" src="${frame}" title="session" hidden></iframe>` : ''
    response.end(`<!doctype html><html lang="en"><title>The app</title><p>Welcome back.</p>${watched}</html>`)
  })
  await new Promise((resolve) => app.listen(0, 'localhost', () => resolve(undefined)))
})
after(async () => {
  await dev?.stop()
  app?.close()
})

const origin = () => {
  const address = app.address()
  return `http://localhost:${typeof address === 'object' ? address?.port : 0}`
}

function asked(more = {}) {
  const url = new URL(`${dev.base}/as/authorization.oauth2`)
  const parameters = {
    client_id: 'spa',
    redirect_uri: `${origin()}/callback`,
    response_type: 'code',
    scope: 'openid profile email',
    state: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** What the frame answers to the page that the browser is on. */
const told = (page, message) =>
  page.evaluate(
    ([message, provider]) =>
      new Promise((resolve) => {
        addEventListener('message', ({ data, origin }) => origin === provider && resolve(data), { once: true })
        const frame = document.getElementById('op')
        if (frame instanceof HTMLIFrameElement) frame.contentWindow?.postMessage(message, provider)
      }),
    [message, dev.base],
  )

test('a page of an app sees that somebody signed out', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  const refused = []
  page.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) refused.push(message.text())
  })
  await page.goto(asked({ prompt: 'consent' }))
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('alice')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('Welcome back.').waitFor()
  const state = callbacks.at(-1)?.searchParams.get('session_state') ?? ''
  assert.match(state, /^[\w-]+\.[\w-]+$/)

  await page.goto(`${origin()}/watch`)
  assert.equal(await told(page, `spa ${state}`), 'unchanged')
  assert.equal(await told(page, `shop ${state}`), 'changed', 'it is of one client')
  for (const nonsense of ['', 'spa', `spa ${state} x`, 'spa x', `spa ${state}.x`, 7]) {
    assert.equal(await told(page, nonsense), 'error', String(nonsense))
  }
  // Asked again, the same session has another salt.
  await page.goto(asked({ prompt: 'none' }))
  await page.getByText('Welcome back.').waitFor()
  const again = callbacks.at(-1)?.searchParams.get('session_state') ?? ''
  assert.notEqual(again, state)
  await page.goto(`${origin()}/watch`)
  assert.equal(await told(page, `spa ${again}`), 'unchanged')

  await page.goto(`${dev.base}/idp/init_logout.openid`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('signed out').first().waitFor()
  await page.goto(`${origin()}/watch`)
  assert.equal(await told(page, `spa ${again}`), 'changed')
  assert.deepEqual(refused, [])
  await close()
})
