// What other pages in the same browser can do to dev mode: nothing.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { startDev } from './dev.mjs'

let dev
let elsewhere
before(async () => {
  // A name of somebody else that leads to this machine, as after DNS rebinding.
  dev = await startDev(['--host-resolver-rules=MAP rebound.example 127.0.0.1'])
  elsewhere = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(`<!doctype html><title>elsewhere</title>
      <form method="post" action="${dev.base}/dev/clock"><input name="seconds" value="3600"><button>Win a prize</button></form>`)
  }).listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
})
after(async () => {
  elsewhere?.close()
  await dev?.stop()
})

const ahead = async () => (await (await fetch(`${dev.base}/dev/clock`)).json()).ahead_seconds

test('a page from elsewhere moves nothing', async () => {
  const { page, close } = await dev.visit()
  // `localhost` too: it is the same site, and another origin.
  for (const host of ['127.0.0.1', 'localhost']) {
    await page.goto(`http://${host}:${elsewhere.address().port}/`)
    const [response] = await Promise.all([page.waitForNavigation(), page.getByRole('button').click()])
    assert.equal(response.status(), 403)
    await page.goBack()
    await page.evaluate(async (url) => {
      const body = new URLSearchParams({ seconds: '3600' })
      await fetch(url, { method: 'POST', mode: 'no-cors', body }).catch(() => undefined)
    }, `${dev.base}/dev/clock`)
  }
  assert.equal(await ahead(), 0)
  await close()
})

test('a page from elsewhere reads nothing and frames nothing', async () => {
  const { page, close } = await dev.visit()
  await page.goto(`http://127.0.0.1:${elsewhere.address().port}/`)
  const read = await page.evaluate((url) => fetch(url).then(() => 'read', () => 'refused'), `${dev.base}/dev/wire?reveal=1`)
  assert.equal(read, 'refused')
  const framed = await page.evaluate(async (url) => {
    const frame = document.createElement('iframe')
    frame.src = url
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
    document.body.append(frame)
    await loaded
    return frame.contentDocument === null
  }, dev.base)
  assert.ok(framed)
  const text = await page.frames().at(-1).locator('body').innerText()
  assert.ok(!text.includes('Send the request'), text)
  await close()
})

test('a name that was made to lead here is answered with a refusal', async () => {
  const { page, close } = await dev.visit()
  const { port } = new URL(dev.base)
  const response = await page.goto(`http://rebound.example:${port}/`)
  assert.equal(response.status(), 403)
  assert.match(await page.locator('body').innerText(), /localhost, 127.0.0.1 and \[::1\] only/)
  await close()
})
