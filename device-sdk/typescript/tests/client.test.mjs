// The client against answers that a good server does not give, or seldom.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  DeviceClient,
  DeviceError,
  PairingKey,
  UnpairedClient,
  UnverifiedPayload,
  UnverifiedProof,
  VERSION,
  WebCryptoKey,
} from 'nod-device'
import { bytes, toBase64url } from './vectors.mjs'

const ISSUER = 'https://id.example'
const TICKET = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const NOW = Date.parse('2026-03-01T12:00:00Z')
const INSTALLATION = '0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233'
const DEVICE = '11111111-2222-4333-8444-555555555555'
const USER = '66666666-7777-4888-9999-aaaaaaaaaaaa'
const PAIRING = { deviceId: DEVICE, installationId: INSTALLATION, user: { userId: USER, username: 'alice' } }

const json = (status, body, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers } })
const problem = (status, code, headers = {}) =>
  json(status, { type: 'about:blank', title: 'No', status, code }, { 'Content-Type': 'application/problem+json', ...headers })
const pending = () => json(200, { notifications: [] })

/** A server that answers by the list, the last over and over, and keeps what it was sent. */
function server(...answers) {
  const received = []
  async function answer(url, init) {
    const proof = init.headers instanceof Headers ? init.headers.get('Device-Proof') : undefined
    const claims = proof ? await new UnverifiedProof(proof).claims() : undefined
    received.push({ url: String(url), init, claims, body: init.body ? Buffer.from(init.body).toString() : undefined })
    if (received.length > 10) throw new Error('asked without end')
    const next = answers.length > 1 ? answers.shift() : answers[0]
    return next(url, init)
  }
  return { received, fetch: answer }
}

const state = { issuer: ISSUER, installationId: INSTALLATION, users: [{ deviceId: DEVICE, user: PAIRING.user }] }
const key = await WebCryptoKey.generate()
const client = ({ fetch }, more = {}) => DeviceClient.restore(state, { key, fetch, clock: () => NOW, ...more })

describe('the nonce', () => {
  test('of a refusal is used at once, in a new proof', async () => {
    const wants = server(() => problem(401, 'USE_DEVICE_NONCE', { 'Device-Nonce': 'n1' }), pending)
    const device = client(wants)
    await device.pending()
    await device.pending()
    assert.deepEqual(wants.received.map(({ claims }) => claims.nonce), [undefined, 'n1', 'n1'])
    assert.equal(new Set(wants.received.map(({ claims }) => claims.jti)).size, 3)
  })

  test('is renewed once, not without end', async () => {
    const never = server(() => problem(401, 'USE_DEVICE_NONCE', { 'Device-Nonce': 'n1' }))
    await assert.rejects(client(never).pending(), { code: 'USE_DEVICE_NONCE', retryable: true })
    assert.equal(never.received.length, 2)
    const without = server(() => problem(401, 'USE_DEVICE_NONCE'))
    await assert.rejects(client(without).pending(), { code: 'USE_DEVICE_NONCE' })
    assert.equal(without.received.length, 1)
  })

  test('of every answer is kept', async () => {
    const gives = server(() => json(200, { notifications: [] }, { 'Device-Nonce': 'n2' }))
    const device = client(gives)
    await device.pending()
    await device.pending()
    assert.equal(gives.received[1].claims.nonce, 'n2')
  })
})

describe('the clock', () => {
  const Date = 'Sun, 01 Mar 2026 13:00:00 GMT'

  test('is set by a refusal, once', async () => {
    const strict = server(() => problem(401, 'PROOF_EXPIRED', { Date }))
    const device = client(strict)
    await assert.rejects(device.pending(), { code: 'PROOF_EXPIRED', retryable: false })
    assert.deepEqual(strict.received.map(({ claims }) => claims.iat), [NOW / 1000, NOW / 1000 + 3600])
    assert.equal(device.now(), NOW + 3_600_000)
  })

  test('of the app is believed until then, that of the system is compared', async () => {
    const early = server(() => json(200, { notifications: [] }, { Date }))
    const given = client(early)
    await given.pending()
    assert.equal(given.now(), NOW)
    const own = client(early, { clock: undefined })
    await own.pending()
    assert.ok(Math.abs(own.now() - (NOW + 3_600_000)) < 5_000)
  })
})

describe('an answer', () => {
  const broken = [
    ['a redirect', () => new Response(null, { status: 302, headers: { Location: 'https://evil.example' } }), false],
    ['a page', () => new Response('<html>', { headers: { 'Content-Type': 'text/html' } }), false],
    ['a proxy that has no server', () => new Response('no', { status: 502 }), true],
    ['no JSON', () => new Response('{', { headers: { 'Content-Type': 'application/json' } }), false],
    ['something else', () => json(200, { notifications: {} }), false],
    ['without end', () => json(200, { notifications: [], more: 'A'.repeat(256 * 1024) }), false],
    ['a problem without a code', () => json(503, {}, { 'Content-Type': 'application/problem+json' }), true],
  ]
  for (const [name, answer, retryable] of broken) {
    test(`that is ${name} is not understood`, async () => {
      const odd = server(answer)
      await assert.rejects(client(odd).pending(), { name: 'DeviceError', code: 'ANSWER_INVALID', retryable, refused: false })
      assert.equal(odd.received.length, 1)
    })
  }

  test('that says when to come back', async () => {
    const busy = server(() => problem(429, 'TOO_MANY_ATTEMPTS', { 'Retry-After': '7' }))
    await assert.rejects(client(busy).pending(), { code: 'TOO_MANY_ATTEMPTS', status: 429, retryable: true, retryAfterSeconds: 7 })
  })

  test('that never comes is waited for as long as the app says', async () => {
    const dead = server((_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
    await assert.rejects(client(dead, { timing: { answer: 50 } }).pending(), { code: 'UNREACHABLE', retryable: true })
  })

  test('may decide otherwise, which is an error', async () => {
    const opposite = server(() => json(200, { status: 'APPROVED' }))
    const notification = {
      notificationId: 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff',
      deviceId: DEVICE,
      userId: USER,
      clientContext: { clientId: 'shop', clientName: 'Shop', scope: 'openid' },
      title: '',
      body: '',
    }
    await assert.rejects(client(opposite).deny(notification), { code: 'ANSWER_INVALID' })
  })

  test('is sent nothing but the proof: no cookie, no referrer, no redirect', async () => {
    const plain = server(pending)
    await client(plain).pending()
    const { credentials, redirect, referrerPolicy, cache } = plain.received[0].init
    assert.deepEqual([credentials, redirect, referrerPolicy, cache], ['omit', 'manual', 'no-referrer', 'no-store'])
  })
})

describe('a key', () => {
  const failing = (sign) => ({ publicJwk: () => key.publicJwk(), sign })

  test('that the person does not release is told from one that is gone', async () => {
    const declined = DeviceError.own('KEY_DECLINED', 'no finger')
    const declines = failing(() => Promise.reject(declined))
    await assert.rejects(client(server(pending), { key: declines }).pending(), { code: 'KEY_DECLINED', retryable: true })
    const gone = failing(() => Promise.reject(new Error('gone')))
    await assert.rejects(client(server(pending), { key: gone }).pending(), { code: 'KEY_UNAVAILABLE', retryable: false })
    const der = failing(async () => new Uint8Array(70))
    await assert.rejects(client(server(pending), { key: der }).pending(), { code: 'KEY_UNAVAILABLE' })
  })
})

describe('an offer', async () => {
  const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  const offered = { offered: true, ticket: TICKET, exp: NOW / 1000 + 300 }

  async function idToken(claims) {
    const all = { iss: ISSUER, aud: 'app', iat: NOW / 1000, exp: NOW / 1000 + 60, nonce: 'n', ...claims }
    const input = [{ alg: 'ES256', kid: 'k' }, all].map((part) => toBase64url(bytes(JSON.stringify(part)))).join('.')
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, bytes(input))
    return `${input}.${toBase64url(new Uint8Array(signature))}`
  }

  /** A server with keys, and one offer. */
  const issuer = (more = {}) =>
    server(async (url) => {
      const path = new URL(url).pathname
      const answers = {
        '/.well-known/openid-configuration': () => json(200, { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` }),
        '/jwks': () => json(200, { keys: [{ kty, crv, x, y, kid: 'k' }] }),
        [`/device/v1/enrollments/${TICKET}`]: () =>
          json(200, { user: { id: USER, display: 'Alice' }, application: { id: 'app', name: 'App' }, expiresAt: '2026-03-01T12:05:00Z' }),
        [`/device/v1/enrollments/${TICKET}/approve`]: () => json(201, PAIRING),
        [`/device/v1/enrollments/${TICKET}/deny`]: () => new Response(null, { status: 204 }),
        ...more,
      }
      return answers[path]()
    })
  const expected = { clientId: 'app', nonce: 'n' }
  const open = ({ fetch }) => UnpairedClient.create(ISSUER, { fetch, key, clock: () => NOW })
  const steps = ({ received }) => received.map(({ url }) => url.slice(ISSUER.length))

  test('is shown, approved, and makes a device', async () => {
    const double = issuer()
    const processed = await (await open(double)).processIdToken(await idToken({ device_enrollment: offered }), expected)
    assert.equal(processed.result, 'offer')
    assert.deepEqual(processed.offer.enrollment.user.display, 'Alice')
    const pushToken = { provider: 'FCM', environment: 'production', token: 't' }
    const { client: device } = await processed.offer.approve({ platform: 'WEB' }, pushToken)
    assert.deepEqual(device.state, state)
    const { claims, body } = double.received.at(-1)
    assert.equal(claims.statement.decision, 'APPROVED')
    assert.equal(claims.statement.ticket.expose(), TICKET)
    assert.equal(body, JSON.stringify({ installation: { platform: 'WEB' }, pushToken }))
    assert.deepEqual(steps(double), [
      '/.well-known/openid-configuration',
      '/jwks',
      `/device/v1/enrollments/${TICKET}`,
      `/device/v1/enrollments/${TICKET}/approve`,
    ])
  })

  test('is denied, and nobody is paired', async () => {
    const double = issuer()
    const { offer } = await (await open(double)).processIdToken(await idToken({ device_enrollment: offered }), expected)
    await offer.deny()
    assert.equal(double.received.at(-1).claims.statement.decision, 'DENIED')
  })

  test('to an installation that is paired adds a person', async () => {
    const { fetch } = issuer()
    const device = DeviceClient.restore({ ...state, users: [] }, { key, fetch, clock: () => NOW })
    const { offer } = await device.processIdToken(await idToken({ device_enrollment: offered }), expected)
    const { client: same } = await offer.approve({ platform: 'WEB' })
    assert.equal(same, device)
    assert.deepEqual(device.state, state)
  })

  test('asks the issuer for its keys again, once, when one is unknown', async () => {
    const double = issuer()
    const unpaired = await open(double)
    const token = await idToken({})
    await unpaired.processIdToken(token, expected)
    await unpaired.processIdToken(token, expected)
    assert.equal(double.received.length, 2)
    const [, ...rest] = token.split('.')
    const other = [toBase64url(bytes('{"alg":"ES256","kid":"new"}')), ...rest].join('.')
    await assert.rejects(unpaired.processIdToken(other, expected), { code: 'ID_TOKEN_UNTRUSTED' })
    assert.equal(double.received.length, 4)
  })

  test('comes from the issuer’s own keys', async () => {
    const metadata = (body) => issuer({ '/.well-known/openid-configuration': () => json(200, body) })
    for (const body of [
      { issuer: 'https://evil.example', jwks_uri: `${ISSUER}/jwks` },
      { issuer: ISSUER, jwks_uri: 'https://evil.example/jwks' },
      { issuer: ISSUER, jwks_uri: `${ISSUER}.evil.example/jwks` },
    ]) {
      const double = metadata(body)
      await assert.rejects((await open(double)).processIdToken(await idToken({}), expected), { code: 'ANSWER_INVALID' })
      assert.equal(double.received.length, 1)
    }
  })
})

test('a payload names the installation, and the version of this package unless the app names one', async () => {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  assert.equal(VERSION, version)
  const facts = { applicationId: 'app', platform: 'web', package: 'app' }
  const read = async (more) => new UnverifiedPayload(await client(server(pending)).generateMobilePayload({ ...facts, ...more })).claims()
  const { sdkv, inst, iat } = await read({})
  assert.deepEqual([sdkv, inst, iat], [version, INSTALLATION, NOW / 1000])
  assert.equal((await read({ sdkVersion: '9' })).sdkv, '9')
})

test('an insecure issuer is sent nothing', async () => {
  const nobody = server(pending)
  const pairing = DeviceClient.pair('http://id.example', PairingKey.parse('0123 4567 8901'), { platform: 'WEB' }, nobody)
  await assert.rejects(pairing, { code: 'ISSUER_INSECURE' })
  assert.equal(nobody.received.length, 0)
})

test('everybody is unpaired where the server knows nobody', async () => {
  const forgetful = server(() => problem(401, 'DEVICE_UNKNOWN'))
  const device = client(forgetful)
  await device.unpair()
  assert.deepEqual(device.state.users, [])
})
