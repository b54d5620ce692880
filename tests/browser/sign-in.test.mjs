// The ordinary sign-in, as a person sees it on the way from an app and back: with and without script.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { check, startDev } from './dev.mjs'
import { relyingParty } from './relying-party.mjs'

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
  test(`a person signs in ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
    const { page, complaints, close } = await dev.visit('/dev/clock', { javaScriptEnabled })
    const request = app.asked({ prompt: 'consent' })
    await page.goto(request.url)
    if (javaScriptEnabled) await check(page, 'sign-in')
    await page.getByLabel('Username').fill('alice')
    await page.getByLabel('Password').fill('not hers')
    await page.keyboard.press('Enter')
    await page.getByText('The username or the password is not right.').first().waitFor()
    assert.equal(await page.getByLabel('Username').inputValue(), 'alice', 'nobody types a name twice')
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    if (javaScriptEnabled) await check(page, 'wrong password')

    // Whoever guesses has to wait a second.
    await new Promise((resolve) => setTimeout(resolve, 1200))
    await page.getByLabel('Password').fill('alice')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Allow' }).waitFor()
    if (javaScriptEnabled) await check(page, 'consent')
    await page.getByLabel('See your email address').uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('Welcome back.').waitFor()
    assert.equal((await app.redeemed(request)).scope, 'openid profile')

    // Signed in and asked before: the app has its answer at once.
    const again = app.asked({ scope: 'openid profile', prompt: 'none' })
    await page.goto(again.url)
    await page.getByText('Welcome back.').waitFor()
    assert.ok((await app.redeemed(again)).id_token)

    const other = app.asked({ prompt: 'login' })
    await page.goto(other.url)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Welcome back.').waitFor()
    assert.equal(app.callbacks.at(-1)?.searchParams.get('error'), 'access_denied')
    assert.deepEqual(complaints.filter((complaint) => !/asked elsewhere: http:..localhost:\d+.(callback|favicon)/.test(complaint)), [])
    await close()
  })
}

test('who goes back and sends the form again is not signed in twice', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  const request = app.asked({ scope: 'openid' })
  await page.goto(request.url)
  await page.getByLabel('Username').fill('bob')
  await page.getByLabel('Password').fill('bob')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('Welcome back.').waitFor()
  const count = app.callbacks.length
  await page.goBack()
  await page.waitForLoadState()
  assert.equal(app.callbacks.length, count)
  assert.match(await page.title(), /^(Error: )?/)
  await close()
})
