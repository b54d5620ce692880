// The inspector at work: filter, pause, clear, reasons, copying, sending again; and the clock.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { startDev } from './dev.mjs'

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

const messages = (page) => page.locator('#trace > li')

test('messages appear as they pass, and not while it is paused', async () => {
  const { page, complaints, close } = await dev.visit('/dev/wire')
  await dev.play('deny')
  const denied = messages(page).filter({ hasText: 'access_denied' })
  await denied.waitFor()

  await page.getByRole('button', { name: 'Pause' }).click()
  const count = await messages(page).count()
  await dev.play('cancelled')
  await page.waitForTimeout(500)
  assert.equal(await messages(page).count(), count)
  await page.getByRole('button', { name: 'Pause' }).click()
  await messages(page).filter({ hasText: 'invalid_grant' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('an error says why', async () => {
  const { request } = await dev.play('deny')
  const { page, complaints, close } = await dev.visit(`/dev/wire/${request}`)
  const denied = messages(page).filter({ hasText: 'access_denied' })
  await denied.locator('summary').click()
  const why = denied.locator('.why')
  assert.match(await why.innerText(), /Rule[\s\S]*Written in[\s\S]*CIBA §11[\s\S]*What passes/)
  assert.deepEqual(complaints, [])
  await close()
})

test('what is open stays open when something else arrives', async () => {
  const { page, close } = await dev.visit('/dev/wire')
  await dev.play('deny')
  await messages(page).last().waitFor()
  const first = messages(page).first()
  await first.locator('summary').focus()
  await page.keyboard.press('Enter')
  const id = await first.getAttribute('id')
  const count = await messages(page).count()
  await dev.play('deny')
  await page.waitForFunction((count) => document.querySelectorAll('#trace > li').length > count, count)
  assert.equal(await page.locator(`#${id} details[open]`).count(), 1)
  const focused = await page.evaluate(() => document.activeElement?.closest('li')?.id)
  assert.equal(focused, id)
  await close()
})

test('a call is copied as a curl command, with its secrets when they are asked for', async () => {
  const { request } = await dev.play('deny')
  const options = { permissions: ['clipboard-read', 'clipboard-write'] }
  const { page, complaints, close } = await dev.visit(`/dev/wire/${request}`, options)
  const copy = async () => {
    const asked = messages(page).filter({ hasText: '/as/bc-auth.ciba' })
    await asked.locator('summary').click()
    await asked.getByRole('button', { name: 'Copy as curl' }).click()
    await page.locator('#said', { hasText: 'Copied.' }).waitFor()
    return page.evaluate(() => navigator.clipboard.readText())
  }
  const covered = await copy()
  assert.match(covered, /^curl -i/)
  assert.ok(!covered.includes('shop-secret'), covered)
  await page.getByRole('link', { name: 'Show secrets' }).click()
  const revealed = await copy()
  assert.ok(revealed.includes("-u 'shop:shop-secret'"), revealed)
  assert.deepEqual(complaints, [])
  await close()
})

test('a message is sent again', async () => {
  const { request } = await dev.play('deny')
  const { page, complaints, close } = await dev.visit(`/dev/wire/${request}`)
  const denial = messages(page).filter({ hasText: '/deny' })
  await denial.locator('summary').click()
  await denial.getByRole('button', { name: 'Send again' }).click()
  await page.locator('#said', { hasText: 'answered with 401' }).waitFor()
  await messages(page).filter({ hasText: 'PROOF_REPLAYED' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('a message is opened, copied and sent again with the keyboard alone', async () => {
  const { request } = await dev.play('deny')
  const options = { permissions: ['clipboard-read', 'clipboard-write'] }
  const { page, complaints, close } = await dev.visit(`/dev/wire/${request}`, options)
  const tabTo = async (wanted) => {
    for (let step = 0; step < 80; step += 1) {
      if (await wanted.evaluate((one) => one === document.activeElement)) return
      await page.keyboard.press('Tab')
    }
    assert.fail(`no Tab leads to ${wanted}`)
  }
  const denial = messages(page).filter({ hasText: '/deny' })
  await tabTo(denial.locator('summary'))
  await page.keyboard.press('Enter')
  await tabTo(denial.getByRole('button', { name: 'Copy as curl' }))
  await page.keyboard.press('Enter')
  await page.locator('#said', { hasText: 'Copied.' }).waitFor()
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -i/)
  await tabTo(denial.getByRole('button', { name: 'Send again' }))
  await page.keyboard.press('Space')
  await page.locator('#said', { hasText: 'answered with 401' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('the filter is in the address, and clearing clears', async () => {
  await dev.play('deny')
  const { page, complaints, close } = await dev.visit('/dev/wire')
  await page.getByLabel('Kind').selectOption('errors')
  await page.getByLabel('Contains').fill('access_denied')
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.waitForURL(/kind=errors/)
  for (const line of await messages(page).locator('summary').allInnerTexts()) assert.match(line, /access_denied/)
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.locator('#wire-empty').waitFor()
  assert.equal(await messages(page).count(), 0)
  assert.deepEqual(complaints, [])
  await close()
})

test('nothing of the filter covers anything else, at 320 pixels either', async () => {
  for (const width of [320, 375, 600, 1280]) {
    const { page, close } = await dev.visit('/dev/wire', { viewport: { width, height: 640 } })
    const parts = page.locator('.filter').locator('input:visible, select, button')
    const boxes = await parts.evaluateAll((all) => all.map((one) => [one.id || one.textContent, one.getBoundingClientRect()]))
    assert.equal(boxes.length, 4)
    for (const [name, box] of boxes) {
      assert.ok(box.right <= width, `${name} ends at ${box.right} of ${width}`)
      for (const [other, its] of boxes) {
        const apart = box.right <= its.left || its.right <= box.left || box.bottom <= its.top || its.bottom <= box.top
        assert.ok(name === other || apart, `${name} and ${other} lie on each other at ${width}`)
      }
    }
    await close()
  }
})

test('the clock is moved', async () => {
  const { page, complaints, close } = await dev.visit('/dev/clock')
  await page.getByLabel('Forward by how many seconds').fill('90')
  await page.getByRole('button', { name: 'Move the clock' }).click()
  await page.locator('#clock', { hasText: '90 s ahead' }).waitFor()
  await page.locator('#mode', { hasText: 'clock 90 s ahead' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})
