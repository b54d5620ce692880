// Every page in its states, light and dark, on a phone and on a desktop: nothing that axe knows to be
// wrong, nothing that has to be scrolled sideways. With NOD_SCREENSHOTS=1 the pictures of the README
// are taken here, too.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

import { administrator, ask, check, openAll, startDev } from './dev.mjs'

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

const IMAGES = process.env.NOD_SCREENSHOTS ? fileURLToPath(new URL('../../docs/images/', import.meta.url)) : undefined

async function picture(page, name) {
  if (IMAGES) await page.screenshot({ path: `${IMAGES}${name}.png`, fullPage: true })
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280]) {
    test(`${colorScheme}, ${width} pixels`, async () => {
      const options = { colorScheme, viewport: { width, height: width === 320 ? 640 : 900 } }
      const { page, complaints, close } = await dev.visit('/', options)
      const desktop = width === 1280
      await check(page, 'the home page at rest')

      const shown = await ask(page)
      // One poll, to be seen on the wire.
      await page.locator('#trace > li', { hasText: 'authorization_pending' }).first().waitFor()
      await check(page, 'the home page with a question')
      if (desktop && colorScheme === 'light') await picture(page, 'home-light')

      await page.getByRole('button', { name: `Approve with ${shown}` }).click()
      await page.locator('#id-token').waitFor()
      if (desktop && colorScheme === 'dark') await picture(page, 'home-dark')
      await openAll(page)
      await check(page, 'the home page with tokens')

      const link = await page.locator('#shop-link a').getAttribute('href')
      await page.goto(dev.base + link)
      await check(page, 'a request')
      await page.locator('#trace > li', { hasText: '/approve' }).locator('summary').click()
      if (desktop && colorScheme === 'light') await picture(page, 'request')
      await openAll(page)
      await check(page, 'a request with all messages open')

      const { request } = await dev.play('wrong-number')
      await page.goto(`${dev.base}/dev/wire/${request}`)
      await openAll(page)
      await check(page, 'a request that was refused')

      await page.goto(`${dev.base}/dev/wire`)
      await check(page, 'the wire')
      await page.goto(`${dev.base}/dev/wire?text=no-such-thing`)
      await check(page, 'the wire with nothing on it')
      await page.goto(`${dev.base}/dev/clock`)
      await check(page, 'the clock')
      await dev.play('two-phones')
      await page.goto(dev.base)
      await page.locator('#tablet').waitFor()
      await check(page, 'the home page with two devices')
      assert.deepEqual(complaints, [])
      await close()
    })
  }
}

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
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [320, 1280]) {
        const viewport = { width, height: 900 }
        const { page, complaints, close } = await own.visit('/dev/wire', { colorScheme, viewport })
        await page.locator('.lane-webhook').first().waitFor()
        await page.locator('.lane-admin').first().waitFor()
        await check(page, `all lanes, ${colorScheme}, ${width}`)
        await openAll(page)
        await check(page, `all lanes, opened, ${colorScheme}, ${width}`)
        assert.deepEqual(complaints, [])
        await close()
      }
    }
  } finally {
    await own.stop()
  }
})

test('a page for a request that is not there', async () => {
  const { page, complaints, close } = await dev.visit('/dev/wire/00000000-0000-0000-0000-000000000000')
  await check(page, 'no such request')
  // The browser says that the answer was a 404.
  assert.deepEqual(complaints.filter((complaint) => !complaint.includes('404')), [])
  await close()
})
