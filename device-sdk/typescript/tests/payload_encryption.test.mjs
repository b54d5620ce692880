// payload_encryption.json: a payload that the issuer alone can read.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_PAYLOAD_BYTES, encryptMobilePayload, payloadKey } from 'nod-device'
import { bytes, fromBase64url, vectors } from './vectors.mjs'

const file = await vectors('payload_encryption.json', {})
const key = payloadKey(bytes(JSON.stringify(file.jwks)))
const P256 = { name: 'ECDH', namedCurve: 'P-256' }

describe('a payload is encrypted', () => {
  test('as in the vectors', async () => {
    const pair = {
      publicKey: await crypto.subtle.importKey('jwk', file.epk, P256, true, []),
      privateKey: await crypto.subtle.importKey('jwk', file.once, P256, false, ['deriveBits']),
    }
    const once = { pair, nonce: fromBase64url(file.nonce) }
    assert.equal(await encryptMobilePayload(file.payload, key, once), file.encrypted)
  })

  test('anew each time', async () => {
    const [one, other] = [await encryptMobilePayload('a.b.c', key), await encryptMobilePayload('a.b.c', key)]
    assert.notEqual(one, other)
    assert.equal(one.split('.').length, 5)
  })

  test('unless it is too long', async () => {
    const long = 'a'.repeat((MAX_PAYLOAD_BYTES * 3) / 4)
    await assert.rejects(encryptMobilePayload(long, key), { code: 'PAYLOAD_TOO_LONG' })
  })

  test('for no point beside the curve', async () => {
    const beside = { ...key, jwk: { ...key.jwk, y: key.jwk.x } }
    await assert.rejects(encryptMobilePayload('a.b.c', beside), { code: 'KEY_UNAVAILABLE' })
  })
})

test('no other key of an issuer is taken for that of payloads', () => {
  const published = file.jwks.keys[1]
  const found = (change) => payloadKey(bytes(JSON.stringify({ keys: [{ ...published, ...change }] })))
  assert.deepEqual(found({}), key)
  for (const change of [{ use: 'sig' }, { alg: 'ES256' }, { kty: 'OKP' }, { crv: 'P-384' }, { x: 'AA' }, { kid: null }]) {
    assert.equal(found(change), undefined, JSON.stringify(change))
  }
})
