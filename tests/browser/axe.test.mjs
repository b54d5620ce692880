// The pages of dev mode in their states, light and dark, on a phone and on a desktop: no rule of axe is broken,
// nothing has to be scrolled sideways. With NOD_SCREENSHOTS=1 the pictures of the README are taken here, too.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

import { administrator, ask, looksRight, openAll, startDev } from './dev.mjs'

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

const IMAGES = process.env.NOD_SCREENSHOTS ? fileURLToPath(new URL('../../docs/images/', import.meta.url)) : undefined

async function picture(page, name) {
  if (IMAGES) await page.screenshot({ path: `${IMAGES}${name}.png`, fullPage: true })
}

/** Of what the pictures were taken: a test of `cargo test` says when that has changed since (`documents.rs`). */
const PICTURED = ['dev/home.html', 'dev/message.html', 'dev/wire.html', 'layout.html', 'assets/dev.css', 'assets/nod.css']

after(() => {
  if (!IMAGES) return
  const digest = createHash('sha256')
  for (const file of PICTURED) digest.update(readFileSync(new URL(`../../src/web/${file}`, import.meta.url)))
  writeFileSync(`${IMAGES}taken-of.sha256`, `${digest.digest('hex')}  ${PICTURED.join(' ')}\n`)
})

test('the demo, a request and the wire', async () => {
  const { page, complaints, close } = await dev.visit('/')
  await looksRight(page, 'the home page at rest')

  const shown = await ask(page)
  // One poll, to be seen on the wire.
  await page.locator('#trace > li', { hasText: 'authorization_pending' }).first().waitFor()
  await picture(page, 'home-light')
  await looksRight(page, 'the home page with a question')

  await page.getByRole('button', { name: `Approve with ${shown}` }).click()
  await page.locator('#id-token').waitFor()
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, 'home-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await openAll(page)
  await looksRight(page, 'the home page with tokens')

  const link = await page.locator('#shop-link a').getAttribute('href')
  await page.goto(dev.base + link)
  await looksRight(page, 'a request')
  await page.locator('#trace > li', { hasText: '/approve' }).locator('summary').click()
  await picture(page, 'request')
  await openAll(page)
  await looksRight(page, 'a request with all messages open')

  const { request } = await dev.play('wrong-number')
  await page.goto(`${dev.base}/dev/wire/${request}`)
  await openAll(page)
  await looksRight(page, 'a request that was refused')

  await page.goto(`${dev.base}/dev/wire`)
  await looksRight(page, 'the wire')
  await page.goto(`${dev.base}/dev/wire?text=no-such-thing`)
  await looksRight(page, 'the wire with nothing on it')
  await page.goto(`${dev.base}/dev/clock`)
  await looksRight(page, 'the clock')
  await dev.play('two-phones')
  await page.goto(dev.base)
  await page.locator('#tablet').waitFor()
  await looksRight(page, 'the home page with two devices')
  assert.deepEqual(complaints, [])
  await close()
})

/** An administrator makes a webhook and has it pinged: all five lanes have something. */
async function administer(dev) {
  const receiver = createServer((_, answer) => answer.writeHead(204).end()).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  // It keeps nothing alive: the test may fail.
  receiver.unref()
  const post = await administrator(dev)
  const url = `http://127.0.0.1:${receiver.address().port}/`
  const { webhook } = await post('/admin/v1/webhooks', { url, event_types: ['user.created'] })
  await post(`/admin/v1/webhooks/${webhook.id}/ping`, {})
}

test('the wire with all lanes', async () => {
  // A server of its own: the others have left hundreds of messages, and axe looks at each.
  const own = await startDev()
  try {
    await own.play('deny')
    await administer(own)
    const { page, complaints, close } = await own.visit('/dev/wire')
    await page.locator('.lane-webhook').first().waitFor()
    await page.locator('.lane-admin').first().waitFor()
    await looksRight(page, 'all lanes')
    await openAll(page)
    await looksRight(page, 'all lanes, opened')
    assert.deepEqual(complaints, [])
    await close()
  } finally {
    await own.stop()
  }
})

test('the inbox, empty, with a ping and with a text', async () => {
  const { page, complaints, close } = await dev.visit('/dev/inbox')
  await looksRight(page, 'the inbox with nothing in it')
  const long = 'long'.repeat(12)
  const headers = { authorization: `Bearer ${long}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ auth_req_id: long })
  const told = await fetch(`${dev.base}/dev/inbox/ping`, { method: 'POST', headers, body })
  assert.equal(told.status, 204)
  // The page shows it by itself.
  await page.getByRole('heading', { name: 'Ping' }).waitFor()
  await looksRight(page, 'the inbox with a ping')
  await dev.play('sms-fallback')
  await page.getByRole('heading', { name: 'SMS' }).waitFor()
  await looksRight(page, 'the inbox with a ping and a text')
  assert.deepEqual(complaints, [])
  await close()
})

test('a page for a request that is not there', async () => {
  const { page, complaints, close } = await dev.visit('/dev/wire/00000000-0000-0000-0000-000000000000')
  await looksRight(page, 'no such request')
  // The browser says that the answer was a 404.
  assert.deepEqual(complaints.filter((complaint) => !complaint.includes('404')), [])
  await close()
})
