// A forgotten password, as a person gets over it: by the code of the letter and by its link, with and without script.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { check, PATIENCE_MS, startDev } from './dev.mjs'

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

/** The newest letter to somebody, once there are so many. */
async function letter(to, count) {
  const until = Date.now() + PATIENCE_MS
  while (Date.now() < until) {
    const answer = await fetch(`${dev.base}/dev/inbox`, { headers: { accept: 'application/json' } })
    const letters = (await answer.json()).letters.filter((one) => one.to === to)
    if (letters.length >= count) return letters[0]
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`no letter ${count} to ${to}`)
}

async function ask(page, username) {
  await page.getByLabel('Username').fill(username)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Check your email' }).waitFor()
}

for (const [javaScriptEnabled, username] of [[true, 'alice'], [false, 'bob']]) {
  const how = javaScriptEnabled ? 'with' : 'without'

  test(`${username} gets over a forgotten password by its code, ${how} script`, async () => {
    const { page, complaints, close } = await dev.visit('/ext/pwdreset/Identify', { javaScriptEnabled })
    if (javaScriptEnabled) await check(page, 'forgot')
    await ask(page, username)
    if (javaScriptEnabled) await check(page, 'sent')
    await page.getByLabel('Code from the email').fill('1111 1111')
    await page.keyboard.press('Enter')
    await page.getByText('This code is not right.').first().waitFor()

    const { text, language } = await letter(`${username}@example.com`, 1)
    assert.equal(language, 'en')
    const [code] = text.match(/^\d{4} \d{4}$/m) ?? []
    await page.getByLabel('Code from the email').fill(code ?? '')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Choose a new password' }).waitFor()
    if (javaScriptEnabled) await check(page, 'new password')
    assert.equal(await page.getByLabel('Username').inputValue(), username)
    await page.getByLabel('New password').fill('twelve green bottles')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your password is changed' }).waitFor()
    if (javaScriptEnabled) await check(page, 'changed')

    await page.goto(`${dev.base}/ext/pwdchange/Identify`)
    if (javaScriptEnabled) await check(page, 'current password')
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill('twelve green bottles')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Change your password' }).waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Your password stays as it is' }).waitFor()
    assert.deepEqual(complaints, [])
    await close()
  })
}

test('the link of the letter is followed from the inbox, in another language', async () => {
  const { page, complaints, close } = await dev.visit('/ext/pwdreset/Identify?ui_locales=de')
  await page.getByLabel('Benutzername').fill('alice')
  await page.keyboard.press('Enter')
  await page.getByRole('heading').first().waitFor()
  // Before it: the letter of the code, and that the password was changed.
  const { language } = await letter('alice@example.com', 3)
  assert.equal(language, 'de')
  await page.goto(`${dev.base}/dev/inbox`)
  await check(page, 'the inbox')
  await page.getByRole('link', { name: 'Open its link' }).first().click()
  assert.ok(!page.url().includes('ticket'), page.url())
  await page.locator('#new_password').fill('thirteen green bottles')
  await page.keyboard.press('Enter')
  await page.locator('#new_password').waitFor({ state: 'detached' })
  assert.deepEqual(complaints, [])
  await close()
})
