// A registered authentication application on another origin, as a browser sees it: examples/authentication-application.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { serve } from '../../examples/authentication-application/serve.mjs'
import { check, startDev } from './dev.mjs'
import { relyingParty } from './relying-party.mjs'

let dev
let application
/** The same page on an origin that nobody registered. */
let stranger
let app

before(async () => {
  dev = await startDev()
  application = await serve({ issuer: dev.base })
  stranger = await serve({ issuer: dev.base })
  app = await relyingParty(dev.base)
  await register()
})
after(async () => {
  await dev?.stop()
  application?.stop()
  stranger?.stop()
  app?.close()
})

/** As examples/authentication-application/README.md says. */
async function register() {
  const call = async (method, path, headers, body) => {
    const answer = await fetch(dev.base + path, { method, headers, body })
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
    return answer.json()
  }
  const json = (token) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })
  const bootstrap = (await readFile(join(dev.data, 'bootstrap-token'), 'utf8')).trim()
  const root = await call('POST', '/admin/v1/bootstrap', json(bootstrap), JSON.stringify({ client_id: 'root' }))
  const basic = Buffer.from(`root:${root.client_secret}`).toString('base64')
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'nod:admin' })
  const { access_token } = await call('POST', '/as/token.oauth2', { authorization: `Basic ${basic}` }, form)
  const admin = (method, path, body) => call(method, `/admin/v1/${path}`, json(access_token), JSON.stringify(body))
  await admin('POST', 'authentication-applications', { id: 'login', url: `${application.url}/` })
  await admin('POST', 'policies', {
    id: 'name-first',
    application: 'login',
    steps: [
      { id: 'name', source: 'identifier' },
      { id: 'password', source: 'password' },
    ],
  })
  await admin('PATCH', 'clients/spa', { sign_on_policy: 'name-first' })
}

/** Everything that a page asks of the flow API, each with what the state before it had in `_links`. */
function watch(page) {
  const calls = []
  let links = []
  page.on('response', async (response) => {
    const request = response.request()
    if (!request.url().includes('/pf-ws/authn/flows/') || request.method() === 'OPTIONS') return
    const type = request.headers()['content-type'] ?? ''
    const action = type.match(/^application\/vnd\.pingidentity\.(\w+)\+json$/)?.[1]
    calls.push({ url: request.url(), method: request.method(), action, offered: links, status: response.status() })
    const state = await response.json().catch(() => ({}))
    if (state._links) links = Object.keys(state._links)
  })
  return calls
}

test('a person signs in on a registered application, by nothing but what is in _links', async () => {
  const { page, complaints, close } = await dev.visit('/dev/clock')
  const calls = watch(page)
  const request = app.asked({ prompt: 'consent' })
  await page.goto(request.url)
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  assert.equal(new URL(page.url()).origin, application.url, 'another origin')
  await check(page, 'who signs in')
  await page.getByLabel('Username').fill('alice')
  await page.keyboard.press('Enter')

  await page.getByLabel('Password').waitFor()
  assert.equal(await page.getByLabel('Username').inputValue(), 'alice')
  await check(page, 'which password')
  await page.getByLabel('Password').fill('not hers')
  await page.keyboard.press('Enter')
  await page.getByText('The username or the password is not right.').waitFor()
  assert.equal(await page.getByLabel('Password').inputValue(), '')
  await check(page, 'a wrong password')

  // Whoever guesses has to wait a second.
  await new Promise((resolve) => setTimeout(resolve, 1200))
  await page.getByLabel('Password').fill('alice')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor()
  await check(page, 'consent')
  await page.getByLabel('See your email address').uncheck()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.getByText('Welcome back.').waitFor()
  assert.equal((await app.redeemed(request)).scope, 'openid profile')

  const acted = calls.filter(({ method }) => method === 'POST')
  assert.deepEqual(
    acted.map(({ action }) => action),
    ['submitIdentifier', 'checkUsernamePassword', 'checkUsernamePassword', 'grantConsent'],
  )
  for (const { action, offered } of acted) assert.ok(offered.includes(action), `${action} was in _links`)
  // A wrong password is told in the console, too.
  const expected = /asked elsewhere: http:..localhost:\d+.|the server responded with a status of 400/
  assert.deepEqual(complaints.filter((complaint) => !expected.test(complaint)), [])
  await close()
})

test('who gives up is sent back with the reason', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  await page.goto(app.asked({ prompt: 'consent' }).url)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('You did not sign in.').waitFor()
  await check(page, 'given up')
  await page.getByRole('link', { name: 'Back to the app' }).click()
  await page.getByText('Welcome back.').waitFor()
  assert.equal(app.callbacks.at(-1)?.searchParams.get('error'), 'access_denied')
  await close()
})

test('without a flow, or with that of another browser, there is nothing to sign in to', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  await page.goto(application.url)
  await page.getByText('There is nothing to sign in to here.').waitFor()
  await check(page, 'no flow')
  await page.goto(app.asked({ prompt: 'consent' }).url)
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  const other = await dev.visit('/dev/clock')
  await other.page.goto(page.url())
  await other.page.getByText('Go back to the app, and sign in there again.').waitFor()
  await other.close()
  await close()
})

test('the same page on an origin that is not registered learns and does nothing', async () => {
  const { page, close } = await dev.visit('/dev/clock')
  await page.goto(app.asked({ prompt: 'consent' }).url)
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  const { search } = new URL(page.url())
  await page.goto(`${stranger.url}/${search}`)
  await page.getByText('The sign-in cannot be reached.').waitFor()
  // The browser asks first, and is told no: the action is never sent.
  const outcome = await page.evaluate(
    async ([base, flow]) => {
      const url = `${base}/pf-ws/authn/flows/${flow}?action=cancelIdentifierSubmission`
      const headers = { 'content-type': 'application/json', 'x-xsrf-header': 'x' }
      return fetch(url, { method: 'POST', credentials: 'include', headers, body: '{}' }).then(
        () => 'sent',
        () => 'blocked',
      )
    },
    [dev.base, new URLSearchParams(search).get('flowId')],
  )
  assert.equal(outcome, 'blocked')
  await page.goto(`${application.url}/${search}`)
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  await close()
})
