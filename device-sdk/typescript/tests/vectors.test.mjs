// context.json, thumbprint.json, passcode.json, pairing_link.json: what was shown, what a key is called, what a phone shows, what
// pairs.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  DeviceError,
  Issuer,
  PairingKey,
  Unreadable,
  WebCryptoKey,
  canonicalShown,
  contextHash,
  oneTimePasscode,
  parsePairingLink,
  parseScanned,
  printPairingLink,
  readPublicJwk,
  thumbprint,
} from 'nod-device'
import { vectors } from './vectors.mjs'

const contexts = await vectors('context.json', { vectors: 8 })
const thumbprints = await vectors('thumbprint.json', { vectors: 3, refused: 8 })
const passcodes = await vectors('passcode.json', { vectors: 10 })
const links = await vectors('pairing_link.json', { accepted: 11, refused: 35, printed: 1 })

describe('what was shown has one hash', () => {
  for (const { name, shown, canonicalJson, contextHash: expected } of contexts.vectors) {
    test(name, async () => {
      assert.equal(canonicalShown(shown), canonicalJson)
      assert.equal(await contextHash(shown), expected)
    })
  }

  test('half a character has none', async () => {
    await assert.rejects(async () => contextHash({ ...contexts.vectors[0].shown, title: '\ud83d' }), TypeError)
  })
})

describe('a phone shows', () => {
  for (const { key, seconds, passcode } of passcodes.vectors) {
    test(`${passcode} at ${seconds}`, async () => {
      assert.equal(await oneTimePasscode(key, seconds * 1000), passcode)
      assert.equal(await oneTimePasscode(key, seconds * 1000 + 999), passcode)
    })
  }

  test('nothing by a key of another length', async () => {
    await assert.rejects(oneTimePasscode('AAAA', 0), TypeError)
  })
})

describe('a key has one form and one name', () => {
  for (const { name, jwk, thumbprint: expected } of thumbprints.vectors) {
    test(name, async () => assert.equal(await thumbprint(readPublicJwk(jwk)), expected))
  }
  for (const { name, jwk } of thumbprints.refused) {
    test(`not with ${name}`, () => assert.throws(() => readPublicJwk(jwk), Unreadable))
  }

  test('not in a second spelling: no bits beyond the last byte', () => {
    const { jwk } = thumbprints.vectors[0]
    assert.ok(jwk.x.endsWith('s'))
    assert.throws(() => readPublicJwk({ ...jwk, x: jwk.x.replace(/s$/, 't') }), Unreadable)
  })

  test('one of the browser signs and stays where it is', async () => {
    const key = await WebCryptoKey.generate()
    assert.deepEqual(Object.keys(await key.publicJwk()), ['kty', 'crv', 'x', 'y'])
    assert.equal((await key.sign(new TextEncoder().encode('text'))).length, 64)
    await assert.rejects(crypto.subtle.exportKey('pkcs8', key.pair.privateKey))
    await assert.rejects(crypto.subtle.exportKey('jwk', key.pair.privateKey))
  })
})

describe('a pairing link', () => {
  for (const { text, issuer, key } of links.accepted) {
    test(`is read: ${JSON.stringify(text)}`, () => {
      const found = parseScanned(text)
      assert.equal(found.issuer?.toString() ?? null, issuer)
      assert.equal(found.key.expose(), key)
    })
  }
  for (const { text, code } of links.refused) {
    test(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseScanned(text), (error) => {
        assert.ok(error instanceof DeviceError)
        assert.deepEqual([error.code, error.retryable], [code, false])
        return true
      })
    })
  }
  for (const { issuer, key, link } of links.printed) {
    test(`is printed: ${issuer}`, () => {
      assert.equal(printPairingLink({ issuer: Issuer.parse(issuer), key: PairingKey.parse(key) }), link)
      assert.equal(parsePairingLink(link).issuer.toString(), issuer)
      assert.equal(parsePairingLink(link).key.expose(), key)
    })
  }

  test('has a key that does not print', async () => {
    const { inspect } = await import('node:util')
    const { key } = parseScanned('0123 4567 8901')
    assert.doesNotMatch(`${key} ${JSON.stringify({ key })} ${inspect(key)}`, /0123/)
  })
})
