// payload.json and id_token.json: what goes along with a sign-in, and what comes back.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  DeviceError,
  Issuer,
  KeySet,
  MAX_PAYLOAD_BYTES,
  NotAPayload,
  PAYLOAD_TYPE,
  Unreadable,
  UnverifiedPayload,
  UnverifiedProof,
  WebCryptoKey,
  generateMobilePayload,
  parsePayloadClaims,
  parsePayloadHeader,
  parseTimestamp,
  payloadClaims,
  processIdToken,
} from 'nod-device'
import { bytes, fixedKey, fromBase64url, input, isSignedBy, toBase64url, vectors } from './vectors.mjs'

const payloads = await vectors('payload.json', { vectors: 4, refusedClaims: 24, refusedHeaders: 6 })
const tokens = await vectors('id_token.json', { accepted: 15, refused: 40 })

describe('a mobile payload', async () => {
  const issuer = Issuer.parse(payloads.issuer)
  const key = await fixedKey(payloads.key)
  // A nonce of the device API has no place in a payload.
  const fresh = { iat: payloads.iat, jti: fromBase64url(payloads.jti), nonce: 'n1' }
  const reason = (expected) => (error) => error instanceof NotAPayload && error.reason === expected

  for (const { name, installationId, facts, claims, signingInput, payload } of payloads.vectors) {
    test(`is made byte for byte, and one of another hand is read: ${name}`, async () => {
      const made = await payloadClaims(facts, issuer, installationId ?? undefined, fresh)
      assert.equal(JSON.stringify(made), claims)
      const ours = await generateMobilePayload(facts, issuer, installationId ?? undefined, key, fresh)
      assert.equal(input(ours), signingInput)
      assert.ok(await isSignedBy(payloads.key.jwk, ours))
      for (const compact of [ours, payload]) {
        const unverified = new UnverifiedPayload(compact)
        assert.deepEqual(unverified.jwk, payloads.key.jwk)
        assert.equal(JSON.stringify(await unverified.claims()), claims)
      }
      const moved = `${input(ours)}.${toBase64url(new Uint8Array(64).fill(1))}`
      await assert.rejects(new UnverifiedPayload(moved).claims(), reason('SIGNATURE'))
      assert.throws(() => new UnverifiedProof(payload), { name: 'NotAProof' }, 'a payload is no proof')
    })
  }

  for (const { name, claims } of payloads.refusedClaims) {
    test(`has other claims than: ${name}`, () => assert.throws(() => parsePayloadClaims(bytes(claims)), NotAPayload))
  }
  for (const { name, header } of payloads.refusedHeaders) {
    test(`has another header than: ${name}`, () => {
      assert.throws(() => parsePayloadHeader(bytes(header)), reason('HEADER'))
    })
  }

  test('has one header', () => {
    assert.equal(JSON.stringify(parsePayloadHeader(bytes(payloads.header))), payloads.header)
    assert.equal(parsePayloadHeader(bytes(payloads.header)).typ, PAYLOAD_TYPE)
  })

  test('has 4096 bytes at most', async () => {
    const own = await WebCryptoKey.generate()
    const facts = (model) => ({ applicationId: '', platform: '', package: '', model: 'M'.repeat(model) })
    const make = (model) => generateMobilePayload(facts(model), issuer, undefined, own, fresh)
    // Three bytes of claims are four of base64url.
    const room = Math.floor((MAX_PAYLOAD_BYTES - (await make(0)).length) / 4) * 3
    const longest = await make(room)
    assert.ok(longest.length > 4092 && longest.length <= 4096, longest.length)
    assert.equal((await new UnverifiedPayload(longest).claims()).exp, payloads.iat + 120)
    await assert.rejects(make(room + 3), { code: 'PAYLOAD_TOO_LONG', retryable: false })
    assert.throws(() => new UnverifiedPayload(`${longest}AAAA`), reason('NOT_COMPACT'))
  })
})

describe('an ID token', () => {
  const keys = KeySet.parse(bytes(JSON.stringify(tokens.keys)))
  const process = (idToken, nonce) =>
    processIdToken(idToken, keys, Issuer.parse(tokens.issuer), { clientId: tokens.clientId, nonce }, parseTimestamp(tokens.now))

  for (const { name, idToken, offer, reason } of tokens.accepted) {
    test(`says what becomes of the phone: ${name}`, async () => {
      const said = await process(idToken, tokens.nonce)
      if (offer) {
        assert.equal(said.result, 'offer')
        assert.equal(said.offer.ticket.expose(), offer.ticket)
        assert.equal(said.offer.expiresAt, parseTimestamp(offer.expiresAt))
      } else {
        assert.deepEqual(said, reason ? { result: 'not-enrolled', reason } : { result: 'nothing' })
      }
      // An app that sent no nonce looks at none.
      assert.equal((await process(idToken, undefined)).result, said.result)
    })
  }

  for (const { name, idToken, code } of tokens.refused) {
    test(`is not believed: ${name}`, async () => {
      await assert.rejects(process(idToken, tokens.nonce), (error) => {
        assert.ok(error instanceof DeviceError, String(error))
        assert.deepEqual([error.code, error.retryable], [code, false])
        return true
      })
    })
  }

  test('has 32 KiB at most', async () => {
    const long = 'A'.repeat(40_000) + tokens.accepted[0].idToken
    await assert.rejects(process(long, undefined), { code: 'ID_TOKEN_INVALID' })
  })

  test('needs a key set that is an object with keys', () => {
    for (const bad of ['', '[]', '{}', '{"keys":{}}', '<html>']) assert.throws(() => KeySet.parse(bytes(bad)), Unreadable, bad)
  })
})
