// The story of the home page: one click asks, one click approves.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { ask, startDev } from './dev.mjs'

/** Nobody waits longer for their first approval, on a busy machine either. */
const PATIENCE_S = 30

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

test('one click asks, one click approves, and the shop shows the ID token', async (t) => {
  const { page, complaints, close } = await dev.visit()
  assert.match(await page.title(), /Nod/)
  const shown = await ask(page)
  assert.equal(await page.locator('#phone .pick').count(), 3)
  assert.match(await page.locator('#phone').innerText(), /Demo Shop asks for your approval/)
  await page.getByRole('button', { name: `Approve with ${shown}` }).click()

  await page.locator('#phone-says', { hasText: 'You said yes.' }).waitFor()
  const taken = dev.sinceStart()
  t.diagnostic(`the first approval, ${taken.toFixed(1)} s after the start of the server`)
  assert.ok(taken < PATIENCE_S, `${taken} s`)
  const token = page.locator('#id-token')
  await token.waitFor()
  const text = await token.innerText()
  assert.match(text, /Signature verified with Nod’s key \S{20,}/)
  for (const claim of ['iss', 'sub', 'aud', 'exp', 'auth_time', 'at_hash']) assert.match(text, new RegExp(`\\b${claim}\\b`))
  assert.match(await page.locator('#shop-status').innerText(), /paid/)

  const wire = page.locator('#trace > li')
  const lines = await wire.locator('summary').allInnerTexts()
  for (const part of ['POST /as/bc-auth.ciba 200', 'event notification', '/approve 200', 'POST /as/token.oauth2 200']) {
    assert.ok(lines.some((line) => line.includes(part)), `${part} in\n${lines.join('\n')}`)
  }
  const approve = wire.filter({ hasText: '/approve' })
  await approve.locator('summary').click()
  assert.match(await approve.innerText(), /device-proof, decoded · signature verified with the phone’s key/)

  assert.deepEqual(complaints, [])
  await close()
})

test('the log leads to the page of the request', async () => {
  const { page, complaints, close } = await dev.visit()
  await ask(page)
  const link = dev.output().match(/http:\/\/localhost:\d+\/dev\/wire\/[0-9a-f-]{36}/g).at(-1)
  await page.goto(link)
  await page.getByRole('heading', { name: 'One request' }).waitFor()
  assert.ok((await page.locator('#trace > li').count()) >= 2)
  assert.deepEqual(complaints, [])
  await close()
})

test('the shop withdraws its question, and the phone lets go of it', async () => {
  const { page, complaints, close } = await dev.visit()
  await ask(page)
  await page.getByRole('button', { name: 'Withdraw the request' }).click()
  await page.locator('#phone-says', { hasText: 'withdrawn' }).waitFor()
  assert.match(await page.locator('#shop-status').innerText(), /withdrawn/)
  assert.deepEqual(complaints, [])
  await close()
})

test('the story can be told with the keyboard alone', async () => {
  const { page, complaints, close } = await dev.visit()
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim())
  const tabTo = async (wanted) => {
    for (let step = 0; step < 40; step += 1) {
      if ((await focused()) === wanted) return
      await page.keyboard.press('Tab')
    }
    assert.fail(`no Tab leads to ${wanted}`)
  }

  await page.keyboard.press('Tab')
  assert.equal(await focused(), 'Skip to the content')
  await page.keyboard.press('Enter')
  await tabTo('Send the request')
  const shown = await ask(page, () => page.keyboard.press('Enter'))
  assert.equal(await focused(), 'Send the request', 'what changes around it takes no focus away')
  await tabTo(`Approve with ${shown}`)
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth)
  assert.equal(outline, '3px', 'the focus is to be seen')
  await page.keyboard.press('Space')
  await page.locator('#phone-says', { hasText: 'You said yes.' }).waitFor()
  assert.equal(await focused(), 'You said yes.', 'the focus goes on with what came of it')
  await page.locator('#id-token').waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('in a narrow window the way leads from the shop to the phone', async () => {
  const { page, complaints, close } = await dev.visit('/', { viewport: { width: 320, height: 640 } })
  const shown = await ask(page)
  await page.locator('#said', { hasText: `The shop shows ${shown}` }).waitFor({ state: 'attached' })
  const seen = (selector) =>
    page.locator(selector).first().evaluate((part) => {
      const { top, bottom } = part.getBoundingClientRect()
      return top >= 0 && bottom <= innerHeight
    })
  assert.ok(await seen('#phone .question h3'), 'the question is in sight')
  assert.ok(await seen('#shown'), 'and so is the number of the shop')
  assert.equal(await page.evaluate(() => document.activeElement?.closest('.question')?.tagName), 'FORM')
  await page.getByRole('button', { name: `Approve with ${shown}` }).click()
  await page.locator('#phone-says', { hasText: 'You said yes.' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('a phone that asks before the shop knows its number is no reason to go there without', async () => {
  const { page, complaints, close } = await dev.visit('/', { viewport: { width: 320, height: 640 } })
  // The moment between the question on the phone and the answer to the shop, held until it was seen.
  let early = 0
  await page.route('**/', async (route) => {
    const response = await route.fetch()
    const body = await response.text()
    if (early || !body.includes('stack question')) return route.fulfill({ response })
    early += 1
    const without = ['number', 'shown', 'shop-link'].map((id) => new RegExp(`<(\\w+)[^>]*id="${id}".*?</\\1>`, 's'))
    return route.fulfill({ response, body: without.reduce((markup, part) => markup.replace(part, ''), body) })
  })
  const shown = await ask(page)
  assert.equal(early, 1, 'the question was seen without a number')
  await page.locator('#said', { hasText: `The shop shows ${shown}` }).waitFor({ state: 'attached' })
  assert.equal(await page.evaluate(() => document.activeElement?.closest('.question')?.tagName), 'FORM')
  assert.deepEqual(complaints, [])
  await close()
})

test('without scripts, forms and reloading do', async () => {
  const { page, close } = await dev.visit('/', { javaScriptEnabled: false })
  await page.getByRole('button', { name: 'Send the request' }).click()
  const shown = (await page.locator('#number .digits').textContent()).trim()
  await page.getByRole('button', { name: `Approve with ${shown}` }).click()
  await page.locator('#phone-says', { hasText: 'You said yes.' }).waitFor()
  // The page loads itself again every few seconds.
  await page.locator('#id-token').waitFor()
  await close()
})
