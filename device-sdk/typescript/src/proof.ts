// Proof of possession: each request carries `Device-Proof`, a compact JWS [RFC 7515 §3.1] by the installation's key, in
// the shape of a DPoP proof [RFC 9449 §4.2].
//
// The claim `purpose` says what the proof is for and decides which other claims exist, so no proof made for one call
// can serve another. The proof of a decision *is* the signed decision: one signature, kept by the server as evidence.

import { decode, encode, type Bytes } from './base64url.js'
import type { Digest } from './digest.js'
import { EnrollmentTicket } from './enrollment.js'
import { parse } from './json.js'
import type { PublicJwk } from './jwk.js'
import { readHeader, sign, takeApart, type Compact, type Header } from './jws.js'
import { verifyEs256, type DeviceKey } from './key.js'
import type { Decision, DenyReason, NewDeviceChoice } from './notification.js'
import { closed, digest, id, integer, list, present, text, u32, word, type Read } from './reading.js'

/** The request header that carries the proof. */
export const DEVICE_PROOF = 'Device-Proof'
/** The answer header that carries the server's nonce. */
export const DEVICE_NONCE = 'Device-Nonce'
/** The JOSE header `typ`: a JWS made for anything else is no proof [RFC 8725 §3.11]. */
export const PROOF_TYPE = 'nod-proof+jwt'
export const MAX_PROOF_BYTES = 8 * 1024

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** The signed yes. `installationId` is the claim `iss`. */
export interface Approval {
  purpose: 'approve'
  installationId: string
  deviceId: string
  userId: string
  notificationId: string
  contextHash: Digest
  /** Exists when number matching asks, and only then. */
  numberPicked?: number | undefined
  amr: string[]
  /** `TRUSTED` or `ONCE`. Exists when the question is about a new device, and only then. */
  choice?: NewDeviceChoice | undefined
}

/** The signed no. */
export interface Denial {
  purpose: 'deny'
  installationId: string
  deviceId: string
  userId: string
  notificationId: string
  contextHash: Digest
  reason: DenyReason
  /** `DENY` or `BLOCK`, where the question is about a new device. */
  choice?: NewDeviceChoice | undefined
}

/** What a proof is for, with the claims that belong to it. */
export type Statement =
  | { purpose: 'pairing' | 'read' | 'rotate' | 'unpair' | 'push' | 'logs' }
  /** It has no `iss`: the installation may have no name yet, and the ticket is bound to its key. */
  | { purpose: 'enrollment'; ticket: EnrollmentTicket; decision: Decision }
  | Approval
  | Denial

/** What a call is, and what makes its proof new. */
export interface ProofClaims {
  statement: Statement
  htm: Method
  /** The absolute URL without query and fragment [RFC 9449 §4.2]. */
  htu: string
  /** The issuer. */
  aud: string
  iat: number
  /** 16 to 64 random bytes in base64url. */
  jti: string
  nonce?: string | undefined
  /** Exists when the request has a body, and only then. */
  bd?: Digest | undefined
}

/** What the caller brings to each proof: this module has neither clock nor randomness. */
export interface Freshness {
  /** Seconds since 1970, by the server's clock as well as the device knows it. */
  iat: number
  /** 16 bytes of the system's generator; never used twice. */
  jti: Uint8Array
  /** The `Device-Nonce` seen last, if any. */
  nonce?: string | undefined
}

/** Why claims, a header or a compact JWS are no proof. */
export class NotAProof extends Error {
  override name = 'NotAProof'

  constructor(readonly reason: 'NOT_COMPACT' | 'HEADER' | 'CLAIMS' | 'JTI' | 'PURPOSE' | 'SIGNATURE') {
    super(`not a proof: ${reason}`)
  }
}

/** As they are written: what signs them depends on the order. */
export function wireClaims({ statement, htm, htu, aud, iat, jti, nonce, bd }: ProofClaims): object {
  const common = { purpose: statement.purpose, htm, htu, aud, iat, jti, nonce, bd }
  switch (statement.purpose) {
    case 'pairing':
    case 'read':
    case 'rotate':
    case 'unpair':
    case 'push':
    case 'logs':
      return common
    case 'enrollment':
      return { ...common, decision: statement.decision, ticket: statement.ticket.expose() }
    case 'approve': {
      const { installationId: iss, deviceId, userId, notificationId, contextHash, numberPicked, amr, choice } = statement
      const decided = { iss, decision: 'APPROVED', deviceId, userId, notificationId, contextHash }
      return { ...common, ...decided, numberPicked, amr, choice }
    }
    case 'deny': {
      const { installationId: iss, deviceId, userId, notificationId, contextHash, reason, choice } = statement
      return { ...common, iss, decision: 'DENIED', deviceId, userId, notificationId, contextHash, reason, choice }
    }
  }
}

export function signProof(claims: ProofClaims, key: DeviceKey): Promise<string> {
  return sign(PROOF_TYPE, wireClaims(claims), key)
}

const fields = {
  purpose: word('pairing', 'enrollment', 'read', 'approve', 'deny', 'rotate', 'unpair', 'push', 'logs'),
  htm: word('GET', 'POST', 'PUT', 'DELETE'),
  htu: text,
  aud: text,
  iat: integer,
  jti: text,
  nonce: present(text),
  bd: present(digest),
  iss: present(id),
  decision: present(word('APPROVED', 'DENIED')),
  deviceId: present(id),
  userId: present(id),
  notificationId: present(id),
  ticket: present<EnrollmentTicket>(EnrollmentTicket.read),
  contextHash: present(digest),
  numberPicked: present(u32),
  amr: present(list(text)),
  reason: present(word('NONE', 'REPORT_FRAUD', 'BIOMETRICS_REJECTED')),
  choice: present(word('TRUSTED', 'ONCE', 'DENY', 'BLOCK')),
}
const wire = closed(fields)
type Wire = Read<typeof fields>

/** From the payload of a JWS whose signature was verified. */
export function parseProofClaims(payload: Bytes): ProofClaims {
  const claims = orNot('CLAIMS', () => wire(parse(payload)))
  checkJti(claims.jti)
  const statement = statementOf(claims)
  if (statement === undefined) throw new NotAProof('PURPOSE')
  const { htm, htu, aud, iat, jti, nonce, bd } = claims
  return { statement, htm, htu, aud, iat, jti, nonce, bd }
}

/** Nothing when a claim is missing or one too many is there. */
function statementOf(claims: Wire): Statement | undefined {
  const { purpose, ticket, decision } = claims
  switch (purpose) {
    case 'pairing':
    case 'read':
    case 'rotate':
    case 'unpair':
    case 'push':
    case 'logs':
      return hasJust(claims) ? { purpose } : undefined
    case 'enrollment':
      if (ticket === undefined || decision === undefined) return undefined
      return hasJust(claims, 'ticket', 'decision') ? { purpose, ticket, decision } : undefined
    case 'approve':
      return approvalOf(claims)
    case 'deny':
      return denialOf(claims)
  }
}

const DECIDED = ['iss', 'decision', 'deviceId', 'userId', 'notificationId', 'contextHash'] as const

function approvalOf(claims: Wire): Approval | undefined {
  const { amr, numberPicked, choice } = claims
  const decided = decidedOf(claims, 'APPROVED')
  if (!decided || amr === undefined || !hasJust(claims, ...DECIDED, 'amr', 'numberPicked', 'choice')) return undefined
  if (choice === 'DENY' || choice === 'BLOCK') return undefined
  return { purpose: 'approve', ...decided, numberPicked, amr, choice }
}

function denialOf(claims: Wire): Denial | undefined {
  const { reason, choice } = claims
  const decided = decidedOf(claims, 'DENIED')
  if (!decided || reason === undefined || !hasJust(claims, ...DECIDED, 'reason', 'choice')) return undefined
  if (choice === 'TRUSTED' || choice === 'ONCE') return undefined
  return { purpose: 'deny', ...decided, reason, choice }
}

function decidedOf(claims: Wire, expected: Decision) {
  const { iss: installationId, decision, deviceId, userId, notificationId, contextHash } = claims
  if (decision !== expected || !installationId || !deviceId || !userId || !notificationId || !contextHash) return undefined
  return { installationId, deviceId, userId, notificationId, contextHash }
}

/** Whether the claims that a purpose may add are among these. */
function hasJust(claims: Wire, ...allowed: string[]): boolean {
  const added = [...DECIDED, 'ticket', 'numberPicked', 'amr', 'reason', 'choice']
  return added.every((name) => allowed.includes(name) || !Object.hasOwn(claims, name))
}

function checkJti(jti: string): void {
  const length = decode(jti)?.length ?? 0
  if (length < 16 || length > 64) throw new NotAProof('JTI')
}

export function jtiText({ jti }: Freshness): string {
  return encode(jti)
}

/** The claims of `proofByNew`: the new key of an installation agrees to become it. */
export interface RotationClaims {
  aud: string
  iat: number
  jti: string
  nonce?: string | undefined
  installationId: string
}

export function rotationClaims(aud: string, installationId: string, fresh: Freshness): RotationClaims {
  return { aud, iat: fresh.iat, jti: jtiText(fresh), nonce: fresh.nonce, installationId }
}

export function wireRotationClaims({ aud, iat, jti, nonce, installationId }: RotationClaims): object {
  return { purpose: 'rotate', aud, iat, jti, nonce, installationId }
}

/** The compact JWS, by the new key. */
export function signRotation(claims: RotationClaims, newKey: DeviceKey): Promise<string> {
  return sign(PROOF_TYPE, wireRotationClaims(claims), newKey)
}

const rotationWire = closed({
  purpose: fields.purpose,
  aud: text,
  iat: integer,
  jti: text,
  nonce: present(text),
  installationId: id,
})

export function parseRotationClaims(payload: Bytes): RotationClaims {
  const { purpose, aud, iat, jti, nonce, installationId } = orNot('CLAIMS', () => rotationWire(parse(payload)))
  checkJti(jti)
  if (purpose !== 'rotate') throw new NotAProof('PURPOSE')
  return { aud, iat, jti, nonce, installationId }
}

const header = readHeader(PROOF_TYPE)

export function parseProofHeader(bytes: Bytes): Header {
  return orNot('HEADER', () => header(parse(bytes)))
}

/** A compact JWS whose header is that of a proof. The claims are out of reach until its signature was verified. */
export class UnverifiedProof {
  readonly #compact: Compact
  /** The key that claims to have signed: enough to look an installation up. */
  readonly jwk: PublicJwk

  constructor(text: string) {
    const compact = takeApart(text, MAX_PROOF_BYTES)
    if (!compact) throw new NotAProof('NOT_COMPACT')
    this.jwk = parseProofHeader(compact.header).jwk
    if (compact.signature.length !== 64) throw new NotAProof('NOT_COMPACT')
    this.#compact = compact
  }

  async claims(): Promise<ProofClaims> {
    return parseProofClaims(await this.#verified())
  }

  /** The same for a `proofByNew`. */
  async rotationClaims(): Promise<RotationClaims> {
    return parseRotationClaims(await this.#verified())
  }

  async #verified(): Promise<Bytes> {
    const { signingInput, payload, signature } = this.#compact
    if (await verifyEs256(this.jwk, signingInput, signature)) return payload
    throw new NotAProof('SIGNATURE')
  }
}

function orNot<T>(reason: NotAProof['reason'], read: () => T): T {
  try {
    return read()
  } catch {
    throw new NotAProof(reason)
  }
}
