// Signing out, and connecting a device: as a person sees it, with and without script. What is seen on the way is looked
// at in both themes, on a desktop and on a phone.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { administrator, looksRight, startDev } from './dev.mjs'
import { relyingParty } from './relying-party.mjs'

let dev
let app
let told
before(async () => {
  dev = await startDev()
  app = await relyingParty(dev.base)
  // Two more apps: one that hears of a sign-out in a frame, and one on a television.
  told = await relyingParty(dev.base)
  const post = await administrator(dev)
  await post('/admin/v1/clients', {
    client_id: 'radio',
    client_name: 'Radio',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    redirect_uris: [`${told.origin}/callback`],
    frontchannel_logout_uri: `${told.origin}/out`,
    scope: 'openid profile',
  })
  await post('/admin/v1/clients', {
    client_id: 'tv',
    client_name: 'Telly',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    scope: 'openid profile',
  })
})
after(async () => {
  await dev?.stop()
  app?.close()
  told?.close()
})

/** Nothing is wrong with the page; where there is a script that can look. */
const seesRight = async (page, what, scripted) => scripted && (await looksRight(page, what))

/** From an app to its own page, as alice. */
async function signsIn(page, asked) {
  await page.goto(asked.url)
  const password = page.getByLabel('Password')
  const allow = page.getByRole('button', { name: 'Allow' })
  const there = page.getByText('Welcome back.')
  await password.or(allow).or(there).first().waitFor()
  if (await password.isVisible()) {
    await page.getByLabel('Username').fill('alice')
    await password.fill('alice')
    await page.keyboard.press('Enter')
    await allow.or(there).first().waitFor()
  }
  if (await allow.isVisible()) await allow.click()
  await there.waitFor()
}

/** What the browser complains of, but for pages of the apps that it is to go to. */
const own = (complaints) => complaints.filter((complaint) => !/^asked elsewhere: http:..localhost:\d+.(callback|favicon|out)/.test(complaint))

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with' : 'without'
  test(`a person signs out ${how} script`, async () => {
    const { page, complaints, close } = await dev.visit('/dev/clock', { javaScriptEnabled })
    const asked = app.asked()
    await signsIn(page, asked)
    await app.redeemed(asked)
    const radio = told.asked({ client_id: 'radio', scope: 'openid profile' })
    await signsIn(page, radio)
    await told.redeemed(radio, 'radio')

    await page.goto(`${dev.base}/idp/init_logout.openid?client_id=spa`)
    await page.getByRole('heading', { name: 'Sign out?' }).waitFor()
    await page.getByRole('listitem').filter({ hasText: 'Radio' }).waitFor()
    await seesRight(page, 'sign-out', javaScriptEnabled)
    await page.getByRole('button', { name: 'Stay signed in' }).click()
    await page.getByRole('heading', { name: 'Signed in as' }).waitFor()
    await seesRight(page, 'stayed', javaScriptEnabled)

    await page.goto(`${dev.base}/idp/init_logout.openid`)
    const framed = page.waitForRequest((request) => request.url().startsWith(`${told.origin}/out?`))
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    assert.match((await framed).url(), /[?&]iss=.*&sid=/)
    await seesRight(page, 'signed out', javaScriptEnabled)
    await page.goto(app.asked({ prompt: 'none' }).url)
    await page.getByText('Welcome back.').waitFor()
    assert.equal(app.callbacks.at(-1)?.searchParams.get('error'), 'login_required')
    assert.deepEqual(own(complaints), [])
    await close()
  })

  test(`a person connects a device ${how} script`, async () => {
    const body = new URLSearchParams({ client_id: 'tv', scope: 'openid profile' })
    const waiting = await (await fetch(`${dev.base}/as/device_authz.oauth2`, { method: 'POST', body })).json()
    const { page, complaints, close } = await dev.visit('/as/user_authz.oauth2', { javaScriptEnabled })
    await page.getByLabel('Code on the device').fill('BBBB-BBBB')
    await page.keyboard.press('Enter')
    await page.getByText('No device is waiting with this code.').first().waitFor()
    await seesRight(page, 'a wrong code', javaScriptEnabled)
    // Whoever guesses has to wait, the second time for three seconds.
    await new Promise((resolve) => setTimeout(resolve, 3500))
    await page.getByLabel('Code on the device').fill(waiting.user_code.toLowerCase())
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: /Connect a device with/ }).waitFor()
    await page.getByText(waiting.user_code).waitFor()
    await seesRight(page, 'which device', javaScriptEnabled)
    await page.getByRole('button', { name: 'Connect' }).click()
    await page.getByLabel('Username').fill('bob')
    await page.getByLabel('Password').fill('bob')
    await page.keyboard.press('Enter')
    const allow = page.getByRole('button', { name: 'Allow' })
    const done = page.getByRole('heading', { name: 'Your device is connected' })
    await allow.or(done).first().waitFor()
    if (await allow.isVisible()) await allow.click()
    await done.waitFor()
    await seesRight(page, 'connected', javaScriptEnabled)
    const grant = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      client_id: 'tv',
      device_code: waiting.device_code,
    })
    const tokens = await (await fetch(`${dev.base}/as/token.oauth2`, { method: 'POST', body: grant })).json()
    assert.ok(tokens.id_token, JSON.stringify(tokens))
    assert.deepEqual(complaints, [])
    await close()
  })
}
