// proof.json: what each call signs, byte for byte, and what is no proof.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  Call,
  EnrollmentTicket,
  Issuer,
  NotAProof,
  PROOF_TYPE,
  PairingKey,
  UnverifiedProof,
  decide,
  parseProofClaims,
  parseProofHeader,
  parseRotationClaims,
  parseTimestamp,
  readNotification,
  rotationClaims,
  signRotation,
  wireClaims,
  wireRotationClaims,
} from 'nod-device'
import { bytes, fixedKey, fromBase64url, input, isSignedBy, vectors } from './vectors.mjs'

const proofs = await vectors('proof.json', { vectors: 21, refusedClaims: 49, refusedHeaders: 8 })
const issuer = Issuer.parse(proofs.issuer)
const key = await fixedKey(proofs.key)
const fresh = (nonce) => ({ iat: proofs.iat, jti: fromBase64url(proofs.jti), nonce: nonce ?? undefined })
const reason = (expected) => (error) => error instanceof NotAProof && error.reason === expected

async function callOf({ type, ...call }) {
  const ticket = call.ticket && EnrollmentTicket.read(call.ticket)
  switch (type) {
    case 'pair':
      return Call.pair(PairingKey.parse(call.request.pairingKey), call.request.installation)
    case 'enrollment':
      return Call.enrollment(ticket)
    case 'approveEnrollment':
      return Call.approveEnrollment(ticket, call.request)
    case 'denyEnrollment':
      return Call.denyEnrollment(ticket)
    case 'pending':
    case 'events':
    case 'me':
      return Call[type]()
    case 'notification':
      return Call.notification(call.id)
    case 'approve': {
      const { notification, number, amr } = call
      const now = parseTimestamp(proofs.now)
      return decide.approve(readNotification(notification), proofs.installationId, number ?? undefined, amr, now)
    }
    case 'choose': {
      const now = parseTimestamp(proofs.now)
      const { notification, choice, number, amr } = call
      const question = readNotification(notification)
      return decide.choose(question, proofs.installationId, choice, number ?? undefined, amr, now)
    }
    case 'deny':
      return decide.deny(readNotification(call.notification), proofs.installationId, call.reason)
    case 'rotate':
      return Call.rotate(call.request)
    case 'setPushToken':
      return Call.setPushToken(call.token)
    case 'removePushToken':
      return Call.removePushToken()
    case 'allowPushNotifications':
      return Call.allowPushNotifications(call.enabled)
    case 'unpair':
      return Call.unpair(call.device)
    default:
      throw new Error(`no such call: ${type}`)
  }
}

describe('a proof', () => {
  for (const vector of proofs.vectors) {
    test(`is made byte for byte: ${vector.name}`, async () => {
      const call = await callOf(vector.call)
      assert.equal(call.method, vector.method)
      assert.equal(call.url(issuer), vector.url)
      assert.equal(call.body === undefined ? null : Buffer.from(call.body).toString(), vector.body)
      const claims = await call.claims(issuer, fresh(vector.nonce))
      assert.equal(JSON.stringify(wireClaims(claims)), vector.claims)
      const proof = await call.prove(issuer, key, fresh(vector.nonce))
      assert.equal(input(proof), vector.signingInput)
      assert.ok(await isSignedBy(proofs.key.jwk, proof))
      assert.deepEqual(wireClaims(await new UnverifiedProof(proof).claims()), wireClaims(claims))
    })

    test(`of another hand is read: ${vector.name}`, async () => {
      const unverified = new UnverifiedProof(vector.proof)
      assert.deepEqual(unverified.jwk, proofs.key.jwk)
      assert.equal(JSON.stringify(wireClaims(await unverified.claims())), vector.claims)
      // The signature of one call under another.
      const other = proofs.vectors.find(({ name }) => name !== vector.name).signingInput
      const moved = `${other}.${vector.proof.split('.')[2]}`
      await assert.rejects(new UnverifiedProof(moved).claims(), reason('SIGNATURE'))
    })
  }

  for (const { name, claims } of proofs.refusedClaims) {
    test(`has other claims than: ${name}`, () => {
      assert.throws(() => parseProofClaims(bytes(claims)), NotAProof)
    })
  }

  for (const { name, header } of proofs.refusedHeaders) {
    test(`has another header than: ${name}`, () => {
      assert.throws(() => parseProofHeader(bytes(header)), reason('HEADER'))
    })
  }

  test('has one header', () => {
    assert.equal(JSON.stringify(parseProofHeader(bytes(proofs.header))), proofs.header)
    assert.equal(parseProofHeader(bytes(proofs.header)).typ, PROOF_TYPE)
  })

  test('is a compact JWS of at most 8 KiB', () => {
    for (const text of ['', 'a.b', 'a.b.c.d', '!.!.!']) assert.throws(() => new UnverifiedProof(text), NotAProof, text)
    const long = `${proofs.vectors[0].proof}.${'A'.repeat(8 * 1024)}`
    assert.throws(() => new UnverifiedProof(long), reason('NOT_COMPACT'))
  })

  test('leads nowhere else', () => {
    for (const id of ['..', 'a/b', 'x?y', '', 'a.b']) assert.throws(() => Call.notification(id), { name: 'Unreadable' }, id)
  })
})

test('a new key agrees to its installation', async () => {
  const { rotation } = proofs
  const newKey = await fixedKey(rotation.key)
  const claims = rotationClaims(proofs.issuer, proofs.installationId, fresh(rotation.nonce))
  assert.equal(JSON.stringify(wireRotationClaims(claims)), rotation.claims)
  const proof = await signRotation(claims, newKey)
  assert.equal(input(proof), rotation.signingInput)
  assert.ok(await isSignedBy(rotation.key.jwk, proof))
  assert.deepEqual(await new UnverifiedProof(rotation.proofByNew).rotationClaims(), claims)
  const other = rotation.claims.replace('"rotate"', '"unpair"')
  assert.throws(() => parseRotationClaims(bytes(other)), reason('PURPOSE'))
  // It is no proof of a request: it names neither method nor URL.
  await assert.rejects(new UnverifiedProof(rotation.proofByNew).claims(), reason('CLAIMS'))
})
