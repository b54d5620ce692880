// A browser as Alice's device, against the built `nod`: the relying party asks, the SDK answers.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeviceClient, PairingKey, UnpairedClient, WebCryptoKey, parseScanned } from 'nod-device'
import { startProvider } from '../../../examples/openid-client/nod.mjs'

const PATIENCE_MS = 20_000
const INFO = { platform: 'WEB', name: 'Alice’s browser', application: 'tests' }

describe('a browser as a device', () => {
  let nod
  /** @type {DeviceClient} */
  let device
  before(async () => {
    nod = await startProvider()
  })
  after(() => nod?.stop())

  const form = async (path, fields) => {
    const headers = { authorization: `Basic ${btoa('shop:shop-secret')}` }
    const answer = await fetch(nod.issuer + path, { method: 'POST', headers, body: new URLSearchParams(fields) })
    return { status: answer.status, ...(await answer.json()) }
  }

  /** The shop asks Alice. */
  async function ask(message) {
    const request = await form('/as/bc-auth.ciba', { scope: 'openid', login_hint: 'alice', binding_message: message })
    assert.equal(request.status, 200, JSON.stringify(request))
    return request
  }

  /** The shop's poll, as often as it is told to. */
  async function redeem({ auth_req_id, interval }) {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const answer = await form('/as/token.oauth2', { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id })
      const early = ['authorization_pending', 'slow_down'].includes(answer.error)
      if (!early || Date.now() > deadline) return answer
      await sleep(interval * 1000)
    }
  }

  /** What the device shows for that. */
  async function shown(message) {
    const questions = await device.pending()
    const question = questions.find(({ clientContext }) => clientContext.bindingMessage === message)
    assert.ok(question, JSON.stringify(questions))
    return question
  }

  test('pairs with a key that an administrator hands out, once', async () => {
    const { key } = parseScanned((await nod.command('user', 'pairing-key', 'alice')).trim())
    const paired = await DeviceClient.pair(nod.issuer, key, INFO)
    device = paired.client
    assert.equal(paired.pairing.user.username, 'alice')
    const me = await device.me()
    assert.equal(me.issuer, nod.issuer)
    assert.deepEqual(me.users.map(({ deviceId }) => deviceId), [paired.pairing.deviceId])
    await assert.rejects(DeviceClient.pair(nod.issuer, key, INFO), {
      code: 'PAIRING_KEY_INVALID',
      status: 400,
      refused: true,
      retryable: false,
    })
  })

  test('comes back from what it stored', async () => {
    const stored = JSON.stringify(device.state)
    const again = DeviceClient.restore(JSON.parse(stored), { key: device.key })
    assert.deepEqual(again.state, device.state)
    assert.deepEqual(await again.pending(), [])
  })

  test('says yes with the number of the other screen, and the shop gets its tokens', async () => {
    const request = await ask('YES1')
    const { number } = request.number_matching
    const question = await shown('YES1')
    assert.deepEqual(await device.notification(question.notificationId), question)
    await assert.rejects(device.approve(question), { code: 'NUMBER_REQUIRED' })
    assert.ok(question.numberMatching.options.includes(number))
    await device.approve(question, number, ['pin'])
    // The reply got lost: the same again is the same.
    await device.approve(question, number, ['pin'])
    await assert.rejects(device.deny(question), { code: 'ALREADY_DECIDED', refused: true, status: 409 })
    const tokens = await redeem(request)
    assert.equal(tokens.status, 200, JSON.stringify(tokens))
    assert.match(tokens.id_token, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  test('says no, and the shop is denied', async () => {
    const request = await ask('NO22')
    await device.deny(await shown('NO22'))
    assert.equal((await redeem(request)).error, 'access_denied')
  })

  test('vouches for what it shows alone', async () => {
    const request = await ask('REAL')
    const question = await shown('REAL')
    const other = { ...question, clientContext: { ...question.clientContext, bindingMessage: 'FAKE' } }
    await assert.rejects(device.approve(other, request.number_matching.number), { code: 'CONTEXT_HASH_MISMATCH' })
    await device.deny(question)
  })

  test('hears of questions, and of their end', async () => {
    const listening = new AbortController()
    const told = []
    const end = setTimeout(() => listening.abort(), PATIENCE_MS)
    for await (const event of device.events(listening.signal)) {
      told.push(event.type)
      if (event.type === 'ready') await ask('PUSH')
      if (event.type === 'notification') await device.deny(event.notification)
      if (event.type === 'canceled') break
    }
    clearTimeout(end)
    assert.deepEqual(told, ['ready', 'notification', 'canceled'])
  })

  test('knows the issuer’s keys: an ID token that offers nothing is believed', async () => {
    const request = await ask('IDTK')
    await device.approve(await shown('IDTK'), request.number_matching.number)
    const { id_token: idToken } = await redeem(request)
    assert.deepEqual(await device.processIdToken(idToken, { clientId: 'shop' }), { result: 'nothing' })
    await assert.rejects(device.processIdToken(idToken, { clientId: 'other' }), { code: 'AUDIENCE_MISMATCH' })
    const stranger = await UnpairedClient.create(nod.issuer)
    const [header, claims] = idToken.split('.')
    const forged = `${header}.${claims}.${'A'.repeat(86)}`
    await assert.rejects(stranger.processIdToken(forged, { clientId: 'shop' }), { code: 'ID_TOKEN_UNTRUSTED' })
  })

  test('changes its key, and the old one ends with the first use of the new', async () => {
    const old = DeviceClient.restore(device.state, { key: device.key })
    const rotated = await device.rotateKey()
    assert.equal((await old.me()).installationId, device.installationId)
    rotated.activate()
    assert.equal((await device.me()).installationId, device.installationId)
    await assert.rejects(old.me(), { code: 'DEVICE_UNKNOWN', status: 401, refused: true })
  })

  test('sets its clock by the server', async () => {
    const hourAgo = DeviceClient.restore(device.state, { key: device.key, clock: () => Date.now() - 3_600_000 })
    assert.equal((await hourAgo.me()).installationId, device.installationId)
    assert.ok(Math.abs(hourAgo.now() - Date.now()) < 10_000)
  })

  test('is unpaired, and its key is refused from then on', async () => {
    const [{ deviceId }] = device.state.users
    await device.unpair()
    assert.deepEqual(device.state.users, [])
    await assert.rejects(device.me(), { code: 'DEVICE_UNKNOWN', status: 401, refused: true, retryable: false })
    await assert.rejects(device.unpairDevice(deviceId), { code: 'DEVICE_UNKNOWN' })
    const told = []
    for await (const { type } of device.events()) told.push(type)
    assert.deepEqual(told, ['unpaired'])
    // The key is anew as good as any other.
    const key = PairingKey.parse((await nod.command('user', 'pairing-key', 'alice')).trim())
    const { client } = await DeviceClient.pair(nod.issuer, key, INFO, { key: device.key })
    assert.notEqual(client.installationId, device.installationId)
    await client.unpair()
    assert.ok(client.key instanceof WebCryptoKey)
  })
})
