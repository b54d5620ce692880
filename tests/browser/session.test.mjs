// OpenID Connect Session Management 1.0: a page of an app sees in its own browser that somebody signed out.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { startDev } from './dev.mjs'
import { relyingParty } from './relying-party.mjs'

let dev
let app
before(async () => {
  dev = await startDev()
  const frame = (await (await fetch(`${dev.base}/.well-known/openid-configuration`)).json()).check_session_iframe
  const watching = `<iframe id="op" src="${frame}" title="session" hidden></iframe>`
  app = await relyingParty(dev.base, (path) => (path === '/watch' ? watching : ''))
})
after(async () => {
  await dev?.stop()
  app?.close()
})

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
  await page.goto(app.asked({ prompt: 'consent' }).url)
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('alice')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('Welcome back.').waitFor()
  const state = app.callbacks.at(-1)?.searchParams.get('session_state') ?? ''
  assert.match(state, /^[\w-]+\.[\w-]+$/)

  await page.goto(`${app.origin}/watch`)
  assert.equal(await told(page, `spa ${state}`), 'unchanged')
  assert.equal(await told(page, `shop ${state}`), 'changed', 'it is of one client')
  for (const nonsense of ['', 'spa', `spa ${state} x`, 'spa x', `spa ${state}.x`, 7]) {
    assert.equal(await told(page, nonsense), 'error', String(nonsense))
  }
  // Asked again, the same session has another salt.
  await page.goto(app.asked({ prompt: 'none' }).url)
  await page.getByText('Welcome back.').waitFor()
  const again = app.callbacks.at(-1)?.searchParams.get('session_state') ?? ''
  assert.notEqual(again, state)
  await page.goto(`${app.origin}/watch`)
  assert.equal(await told(page, `spa ${again}`), 'unchanged')

  await page.goto(`${dev.base}/idp/init_logout.openid`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('signed out').first().waitFor()
  await page.goto(`${app.origin}/watch`)
  assert.equal(await told(page, `spa ${again}`), 'changed')
  assert.deepEqual(refused, [])
  await close()
})
