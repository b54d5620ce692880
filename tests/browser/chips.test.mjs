// Each chip is clicked, and the page tells how it went; it looks right in the middle of it and in the end.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { check, looksRight, startDev } from './dev.mjs'

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

/** What the shop and the devices of Alice show in the end. */
const ends = {
  Deny: { shop: /access_denied/, phone: /You said no/ },
  'Wrong number': { shop: /access_denied/, phone: /not the number in the shop/ },
  'Phone offline': { shop: /paid/, phone: /You said yes/ },
  'Too slow': { shop: /expired_token/, phone: /Too late/ },
  'I did not ask for this': { shop: /access_denied/, phone: /Thank you for telling us/ },
  'Cancelled by the shop': { shop: /withdrawn/, phone: /withdrawn its question/ },
  'Two phones': { shop: /paid/, phone: /Answered on another device/, tablet: /You said yes/ },
  'Pair a new phone': { shop: /paired/, phone: /Nothing to decide/, tablet: /Paired/ },
  'Lost push': { shop: /paid/, phone: /You said yes/ },
  'Silent sign-in': { shop: /signed in/, phone: /Nothing to decide/ },
  'SMS fallback': { shop: /signed in/, phone: /withdrawn its question/ },
}

test('there is a chip for each scenario, and no other', async () => {
  const { page, close } = await dev.visit()
  const { scenarios } = await (await fetch(`${dev.base}/dev/scenarios`)).json()
  const titles = scenarios.map(({ title }) => title)
  assert.deepEqual(await page.locator('.chip').allInnerTexts(), titles)
  assert.deepEqual(Object.keys(ends), titles)
  await close()
})

for (const [title, end] of Object.entries(ends)) {
  test(`the chip “${title}”`, async () => {
    const { page, complaints, close } = await dev.visit()
    const chip = page.locator('.chip').filter({ hasText: new RegExp(`^${title}$`) })
    await chip.click()
    await page.locator('#story .caption').waitFor()
    assert.equal(await page.locator('#send').getAttribute('aria-disabled'), 'true', 'one thing at a time')
    await check(page, `the home page while “${title}” is told`)
    await page.locator('#story .caption').waitFor({ state: 'detached' })

    assert.match(await page.locator('#story').innerText(), new RegExp(`^${title}`))
    assert.match(await page.locator('#shop-status').innerText(), end.shop)
    assert.match(await page.locator('#phone-says').innerText(), end.phone)
    if (end.tablet) assert.match(await page.locator('#tablet-says').innerText(), end.tablet)
    assert.ok((await page.locator('#trace > li').count()) >= 3)
    await looksRight(page, `the home page after “${title}”`)
    assert.deepEqual(complaints, [])
    await close()
  })
}
