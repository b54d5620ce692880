// A forgotten password, as a person gets over it: by the code of the letter and by its link, with and without script,
// and by the keyboard alone. All that is seen on the way, in both themes, on a desktop and on a phone.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { looksRight, PATIENCE_MS, startDev } from './dev.mjs'

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

async function codeOf(username, count) {
  const { text, language } = await letter(`${username}@example.com`, count)
  assert.equal(language, 'en')
  const [code] = text.match(/^\d{4} \d{4}$/m) ?? []
  return code ?? ''
}

/** Goes on with the Tab key until the person is there, and sees that they are. */
async function tabTo(page, target) {
  for (let n = 0; n < 20; n += 1) {
    await page.keyboard.press('Tab')
    const there = await target.evaluate((element) => element === document.activeElement && getComputedStyle(element).outlineStyle)
    if (there) return assert.notEqual(there, 'none', 'nobody sees where they are')
  }
  throw new Error(`the Tab key does not lead to ${target}`)
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
    const looks = async (what) => javaScriptEnabled && (await looksRight(page, what))
    await looks('forgot')
    await ask(page, username)
    await looks('sent')
    await page.getByLabel('Code from the email').fill('1111 1111')
    await page.keyboard.press('Enter')
    await page.getByText('This code is not right.').first().waitFor()
    await looks('wrong code')

    await page.getByLabel('Code from the email').fill(await codeOf(username, 1))
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Choose a new password' }).waitFor()
    await looks('new password')
    assert.equal(await page.getByLabel('Username').inputValue(), username)
    await page.getByLabel('New password').fill('password')
    await page.keyboard.press('Enter')
    await page.getByText('Many people use this password').first().waitFor()
    await looks('unfit password')
    await page.getByLabel('New password').fill('twelve green bottles')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your password is changed' }).waitFor()
    await looks('changed')

    await page.goto(`${dev.base}/ext/pwdchange/Identify`)
    await looks('present password')
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill('twelve green bottles')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Change your password' }).waitFor()
    await looks('next password')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Your password stays as it is' }).waitFor()
    await looks('kept')
    assert.deepEqual(complaints, [])
    await close()
  })
}

test('the keyboard is enough', async () => {
  const { page, complaints, close } = await dev.visit('/ext/pwdreset/Identify')
  const button = (name) => page.getByRole('button', { name })
  const heading = (name) => page.getByRole('heading', { name }).waitFor()
  await tabTo(page, page.getByLabel('Username'))
  await page.keyboard.type('bob')
  await tabTo(page, button('Send the email'))
  await page.keyboard.press('Space')
  await heading('Check your email')

  await tabTo(page, page.getByLabel('Code from the email'))
  await page.keyboard.type('1111')
  await tabTo(page, button('Continue'))
  await page.keyboard.press('Enter')
  // The problem is met first; the next stop after it is what it is about.
  await page.getByText('This code is not right.').first().waitFor()
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'problems')
  // Of bob: the code before, word of the change, and this one.
  const code = await codeOf('bob', 3)
  await tabTo(page, page.getByLabel('Code from the email'))
  await page.keyboard.type(code)
  await page.keyboard.press('Enter')

  await heading('Choose a new password')
  await tabTo(page, page.getByLabel('New password'))
  await page.keyboard.type('fourteen green bottles')
  await tabTo(page, button('Save the password'))
  await page.keyboard.press('Enter')
  await heading('Your password is changed')

  await page.goto(`${dev.base}/ext/pwdchange/Identify`)
  await tabTo(page, page.getByLabel('Username'))
  await page.keyboard.type('bob')
  await tabTo(page, page.getByLabel('Password'))
  await page.keyboard.type('fourteen green bottles')
  await tabTo(page, button('Sign in'))
  await page.keyboard.press('Enter')
  await heading('Change your password')
  await tabTo(page, button('Cancel'))
  await page.keyboard.press('Enter')
  await heading('Your password stays as it is')
  assert.deepEqual(complaints, [])
  await close()
})

test('the link of the letter is followed from the inbox, in another language', async () => {
  const { page, complaints, close } = await dev.visit('/ext/pwdreset/Identify?ui_locales=de')
  await page.getByLabel('Benutzername').fill('alice')
  await page.keyboard.press('Enter')
  await page.getByRole('heading').first().waitFor()
  // Before it: the letter of the code, and that the password was changed.
  const { language } = await letter('alice@example.com', 3)
  assert.equal(language, 'de')
  await page.goto(`${dev.base}/dev/inbox`)
  await looksRight(page, 'the inbox')
  await page.getByRole('link', { name: 'Open its link' }).first().click()
  assert.ok(!page.url().includes('ticket'), page.url())
  await page.locator('#new_password').fill('thirteen green bottles')
  await page.keyboard.press('Enter')
  await page.locator('#new_password').waitFor({ state: 'detached' })
  assert.deepEqual(complaints, [])
  await close()
})
