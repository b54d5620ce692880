// Somebody signs in by an app, and the ID token offers to make it their device: against the built `nod`.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { UnpairedClient } from 'nod-device'
import { startProvider } from '../../../examples/openid-client/nod.mjs'

const CALLBACK = 'http://localhost:4711/callback'
const NONCE = 'of this sign-in'

describe('an offer of the ID token', () => {
  let nod
  before(async () => {
    nod = await startProvider()
    await configure()
  })
  after(() => nod?.stop())

  async function send(method, path, authorization, body) {
    const form = body instanceof URLSearchParams
    const headers = { authorization, ...(form ? {} : { 'content-type': 'application/json' }) }
    const answer = await fetch(nod.issuer + path, { method, headers, body: form ? body : JSON.stringify(body) })
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`)
    return answer.json()
  }

  /** An app whose people show a second factor, and may have it as a device. */
  async function configure() {
    const offered = (await readFile(join(nod.folder, 'data', 'bootstrap-token'), 'utf8')).trim()
    const { client_secret: secret } = await send('POST', '/admin/v1/bootstrap', `Bearer ${offered}`, { client_id: 'root' })
    const grant = new URLSearchParams({ grant_type: 'client_credentials', scope: 'nod:admin' })
    const { access_token: token } = await send('POST', '/as/token.oauth2', `Basic ${btoa(`root:${secret}`)}`, grant)
    const admin = (method, path, body) => send(method, `/admin/v1/${path}`, `Bearer ${token}`, body)
    await admin('POST', 'clients', {
      client_id: 'app',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      redirect_uris: [CALLBACK],
      redirectless: true,
      implied_consent: true,
    })
    await admin('POST', 'native-applications', { id: 'app', name: 'The app', client: 'app', package_name: 'com.example.app' })
    const applications = [{ application: 'app', auto_enrollment: true, device_authorization: true }]
    await admin('POST', 'mfa-policies', { id: 'mfa', no_devices_mode: 'bypass', applications })
    const steps = [{ id: 'password', source: 'password' }, { id: 'mfa', source: 'mfa', mfa_policy: 'mfa' }]
    await admin('POST', 'policies', { id: 'both', steps })
    await admin('PATCH', 'sign-on-settings', { default_policy: 'both' })
  }

  /** Bob signs in by the app, which shows itself by a payload; his ID token. */
  async function signIn(device) {
    const verifier = randomBytes(32).toString('base64url')
    const cookies = new Map()
    async function at(url, init = {}) {
      const headers = { ...init.headers, 'x-xsrf-header': 'nod', cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
      const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = line.match(/^([^=]*)=([^;]*)/)
        cookies.set(name, value)
      }
      const state = await answer.json()
      assert.ok(answer.ok, JSON.stringify(state))
      return state
    }
    const query = new URLSearchParams({
      client_id: 'app',
      redirect_uri: CALLBACK,
      response_type: 'code',
      response_mode: 'pi.flow',
      scope: 'openid',
      nonce: NONCE,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    const { id } = await at(`${nod.issuer}/as/authorization.oauth2?${query}`)
    const act = (action, body) =>
      at(`${nod.issuer}/pf-ws/authn/flows/${id}`, {
        method: 'POST',
        headers: { 'content-type': `application/vnd.pingidentity.${action}+json` },
        body: JSON.stringify(body),
      })
    await act('checkUsernamePassword', { username: 'bob', password: 'bob' })
    const facts = { applicationId: 'app', platform: 'android', package: 'com.example.app', boundTo: id }
    await act('authenticate', { mobilePayload: await device.generateMobilePayload(facts) })
    const done = await act('continueAuthentication', {})
    assert.equal(done.status, 'COMPLETED', JSON.stringify(done))
    const { code } = done.authorizeResponse
    const form = { grant_type: 'authorization_code', client_id: 'app', code, redirect_uri: CALLBACK, code_verifier: verifier }
    const answer = await fetch(`${nod.issuer}/as/token.oauth2`, { method: 'POST', body: new URLSearchParams(form) })
    const tokens = await answer.json()
    assert.ok(answer.ok, JSON.stringify(tokens))
    return tokens.id_token
  }

  const expected = { clientId: 'app', nonce: NONCE }
  async function offerTo(device) {
    const processed = await device.processIdToken(await signIn(device), expected)
    assert.equal(processed.result, 'offer', JSON.stringify(processed))
    return processed.offer
  }

  test('is denied: it is heard once, and nobody is paired', async () => {
    const device = await UnpairedClient.create(nod.issuer)
    const offer = await offerTo(device)
    assert.equal(offer.enrollment.application.name, 'The app')
    await offer.deny()
    await assert.rejects(offer.approve({ platform: 'ANDROID' }), { code: 'ENROLLMENT_GONE', status: 410 })
  })

  test('is nobody else’s', async () => {
    const device = await UnpairedClient.create(nod.issuer)
    const idToken = await signIn(device)
    const other = await UnpairedClient.create(nod.issuer)
    await assert.rejects(other.processIdToken(idToken, expected), { code: 'ENROLLMENT_NOT_FOUND', status: 404 })
    await assert.rejects(device.processIdToken(idToken, { ...expected, nonce: 'another' }), { code: 'NONCE_MISMATCH' })
  })

  test('is approved: the app is a device, and is offered nothing more', async () => {
    const device = await UnpairedClient.create(nod.issuer)
    const offer = await offerTo(device)
    const { client, pairing } = await offer.approve({ platform: 'ANDROID', name: 'Bob’s phone' })
    assert.equal(pairing.user.username, 'bob')
    assert.deepEqual((await client.me()).users.map(({ username }) => username), ['bob'])
    assert.deepEqual(await client.processIdToken(await signIn(client), expected), { result: 'nothing' })
  })
})
