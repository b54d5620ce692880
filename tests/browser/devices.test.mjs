// The devices of an account in a real browser: a phone is named and removed, and a code for another one is shown.

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

for (const javaScriptEnabled of [true, false]) {
  // Axe is a script itself.
  const look = javaScriptEnabled ? check : async () => {}
  test(`a phone is named, and another one is offered a code, ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
    const { page, close } = await dev.visit('/dev/clock', { javaScriptEnabled })
    await signedIn(page, app)
    await page.goto(`${dev.base}/account/devices`)
    await page.getByText('asked first').waitFor()
    await look(page, 'one phone')
    const name = `The ${javaScriptEnabled ? 'blue' : 'red'} one`
    await page.getByLabel('Name of the phone').fill(name)
    await page.getByRole('button', { name: /^Save the name/ }).click()
    await page.getByRole('button', { name: `Remove ${name}` }).waitFor()

    await page.getByRole('button', { name: 'Add a phone' }).click()
    await page.getByRole('heading', { name: 'Add a phone' }).waitFor()
    await look(page, 'a code for a phone')
    const shown = () => page.locator('.big').innerText()
    const code = await shown()
    assert.match(code, /^\d{4} \d{4} \d{4}$/)
    await page.getByRole('button', { name: 'The phone has it' }).click()
    await page.locator('#problems').getByText('No phone has come with this code yet.').waitFor()
    await look(page, 'no phone has come')
    assert.equal(await shown(), code)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: `Remove ${name}` }).waitFor()
    await close()
  })
}

test('the only phone is removed', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  await signedIn(page, app)
  await page.goto(`${dev.base}/account/devices`)
  await page.getByRole('button', { name: /^Remove/ }).click()
  await page.getByText('You have no devices yet.').waitFor()
  await check(page, 'no devices')
  await close()
})
