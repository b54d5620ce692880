// What a push says, and where one reaches a browser.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DeviceClient, WebCryptoKey, readPush, webPushToken } from 'nod-device'

const notificationId = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'

describe('a push', () => {
  const plain = { type: 'AUTHENTICATION', notificationId }

  test('is read from each platform', () => {
    for (const data of [plain, JSON.stringify(plain), { aps: { 'mutable-content': 1 }, nod: plain }, { ...plain, more: 1 }]) {
      assert.deepEqual(readPush(data), plain)
    }
    assert.equal(readPush({ ...plain, type: 'AUTH_CANCELED' })?.type, 'AUTH_CANCELED')
    assert.equal(readPush({ ...plain, type: 'TEST' })?.type, 'TEST')
  })

  test('of a newer server names its question', () => {
    assert.deepEqual(readPush({ ...plain, type: 'SOMETHING_NEW' }), { type: 'OTHER', notificationId })
  })

  test('that is not ours is nothing', () => {
    for (const foreign of ['', '{', {}, null, undefined, 7, [], { type: 'AUTHENTICATION' }, { ...plain, notificationId: 'x' }]) {
      assert.equal(readPush(foreign), undefined, JSON.stringify(foreign))
    }
  })
})

describe('a push token', () => {
  const subscription = { endpoint: 'https://push.example/1', expirationTime: null, keys: { p256dh: 'BA', auth: 'CA' } }

  test('of a browser is its subscription', () => {
    const token = webPushToken({ toJSON: () => subscription })
    assert.deepEqual({ ...token, token: JSON.parse(token.token) }, {
      provider: 'WEB_PUSH',
      environment: 'production',
      token: subscription,
    })
  })

  test('is handed in, taken back, and not to be used', async () => {
    const received = []
    const state = { issuer: 'https://id.example', installationId: '0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233', users: [] }
    const fetch = async (url, { method, body }) => {
      received.push([method, String(url), body && Buffer.from(body).toString()])
      return new Response(null, { status: 204 })
    }
    const client = DeviceClient.restore(state, { key: await WebCryptoKey.generate(), fetch })
    const token = webPushToken({ toJSON: () => subscription })
    await client.setPushToken({ token: token.token, environment: token.environment, provider: token.provider })
    await client.removePushToken()
    await client.allowPushNotifications(false)
    const url = 'https://id.example/device/v1/push-token'
    assert.deepEqual(received, [
      ['PUT', url, JSON.stringify(token)],
      ['DELETE', url, null],
      ['PUT', 'https://id.example/device/v1/push-enabled', '{"enabled":false}'],
    ])
  })
})
