// The ID token [OpenID Connect Core §2], checked by the app that it was issued to, and what it offers to this phone.

import { decode, is32Bytes, type Bytes } from './base64url.js'
import { readDeviceEnrollment, type EnrollmentTicket } from './enrollment.js'
import { DeviceError, type OwnCode } from './error.js'
import type { Issuer } from './issuer.js'
import { parse } from './json.js'
import { takeApart } from './jws.js'
import { Unreadable, anything, list, maybe, number, open, present, text, type Read } from './reading.js'
import { seconds, type Timestamp } from './timestamp.js'

export const MAX_ID_TOKEN_BYTES = 32 * 1024
/** How far the clocks of server and phone may be apart. */
const SKEW_SECONDS = 60
/** More than a server has at a time; a longer list costs the phone nothing. */
const MAX_KEYS = 32
const MIN_RSA_BYTES = 256

/** How an issuer may sign. `none` and shared secrets are not among it, so nothing can choose them [RFC 8725 §3.1]. */
const ALGORITHMS = {
  ES256: { kind: 'EC', import: { name: 'ECDSA', namedCurve: 'P-256' }, verify: { name: 'ECDSA', hash: 'SHA-256' } },
  RS256: { kind: 'RSA', import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, verify: { name: 'RSASSA-PKCS1-v1_5' } },
  PS256: { kind: 'RSA', import: { name: 'RSA-PSS', hash: 'SHA-256' }, verify: { name: 'RSA-PSS', saltLength: 32 } },
  EdDSA: { kind: 'OKP', import: { name: 'Ed25519' }, verify: { name: 'Ed25519' } },
} as const
type Algorithm = keyof typeof ALGORITHMS

function algorithm(name: string): Algorithm | undefined {
  return Object.hasOwn(ALGORITHMS, name) ? (name as Algorithm) : undefined
}

interface IssuerKey {
  kid: string | undefined
  /** When there is one, the key is for nothing else [RFC 7517 §4.4]. */
  alg: Algorithm | undefined
  kind: 'EC' | 'RSA' | 'OKP'
  jwk: JsonWebKey
}

const keySet = open({ keys: list(anything) })
const keyFields = {
  kty: text,
  use: maybe(text),
  alg: maybe(text),
  kid: maybe(text),
  crv: maybe(text),
  x: maybe(text),
  y: maybe(text),
  n: maybe(text),
  e: maybe(text),
}
const keyWire = open(keyFields)

/** The document behind the issuer's `jwks_uri` [RFC 7517 §5]. Keys of other kinds and uses are passed over. */
export class KeySet {
  private constructor(private readonly keys: IssuerKey[]) {}

  /** Throws `Unreadable` for what is no JWK set. */
  static parse(json: Bytes): KeySet {
    const keys = keySet(parse(json)).keys.flatMap((key) => issuerKey(key) ?? [])
    return new KeySet(keys.slice(0, MAX_KEYS))
  }

  /** @internal By its name where the token gives one, else each that can have signed. */
  find(alg: Algorithm, kid: string | undefined): IssuerKey[] {
    const fits = (key: IssuerKey) => key.kind === ALGORITHMS[alg].kind && (key.alg ?? alg) === alg
    return this.keys.filter((key) => fits(key) && (kid === undefined || key.kid === kid))
  }
}

function issuerKey(value: unknown): IssuerKey | undefined {
  let key: Read<typeof keyFields>
  try {
    key = keyWire(value)
  } catch {
    return undefined
  }
  const alg = key.alg === undefined ? undefined : algorithm(key.alg)
  if ((key.use ?? 'sig') !== 'sig' || (key.alg !== undefined && alg === undefined)) return undefined
  const { kty, crv, x = '', y = '', n = '', e = '' } = key
  const as = (kind: IssuerKey['kind'], jwk: JsonWebKey): IssuerKey => ({ kid: key.kid, alg, kind, jwk })
  if (kty === 'EC' && crv === 'P-256' && is32Bytes(x) && is32Bytes(y)) return as(kty, { kty, crv, x, y })
  if (kty === 'OKP' && crv === 'Ed25519' && is32Bytes(x)) return as(kty, { kty, crv, x })
  const strong = (decode(n)?.length ?? 0) >= MIN_RSA_BYTES
  if (kty === 'RSA' && crv === undefined && strong && decode(e)) return as(kty, { kty, n, e })
  return undefined
}

/** What the browser cannot verify is not verified: old ones do not know Ed25519. */
async function verifies(alg: Algorithm, { jwk }: IssuerKey, signingInput: Bytes, signature: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('jwk', jwk, ALGORITHMS[alg].import, false, ['verify'])
    return await crypto.subtle.verify(ALGORITHMS[alg].verify, key, signature, signingInput)
  } catch {
    return false
  }
}

/** What the app that asked for the token knows about it. */
export interface Expectations {
  clientId: string
  /** Of the authorization request. An app that sent none looks at none. */
  nonce?: string | undefined
}

/** What an ID token means for this phone. */
export type Processed<O = { ticket: EnrollmentTicket; expiresAt: Timestamp }> =
  | { result: 'nothing' }
  /** The sign-in counts, the phone is no device. */
  | { result: 'not-enrolled'; reason: string }
  | { result: 'offer'; offer: O }

/** Members of the header that say nothing about the signature are passed over; `crit` says that they must not be. */
const header = open({ alg: text, kid: present(text), crit: present(anything) })

const claimFields = {
  iss: text,
  aud: (value: unknown): string[] => (typeof value === 'string' ? [value] : list(text)(value)),
  azp: present(text),
  exp: number,
  iat: number,
  nonce: present(text),
  device_enrollment: present(readDeviceEnrollment),
}
const claims = open(claimFields)

/** [OpenID Connect Core §3.1.3.7] */
function check(token: Read<typeof claimFields>, issuer: Issuer, expected: Expectations, now: Timestamp): void {
  if (token.iss !== issuer.toString()) throw not('ISSUER_MISMATCH', 'of another issuer')
  // With several audiences, `azp` says who asked for the token.
  const authorized = token.azp ?? (token.aud.length === 1 ? token.aud[0] : undefined)
  if (!token.aud.includes(expected.clientId) || authorized !== expected.clientId) {
    throw not('AUDIENCE_MISMATCH', 'for another application')
  }
  if (seconds(now) >= Math.floor(token.exp) + SKEW_SECONDS) throw not('ID_TOKEN_EXPIRED', 'too old')
  if (Math.floor(token.iat) > seconds(now) + SKEW_SECONDS) throw not('ID_TOKEN_NOT_YET_VALID', 'from the future')
  // A nonce that nobody asked for says nothing.
  if (expected.nonce !== undefined && token.nonce !== expected.nonce) throw not('NONCE_MISMATCH', 'of another sign-in')
}

/** @internal The cause where the keys at hand may be old ones: fetch them again. */
export const KEY_UNKNOWN = Symbol('a key that the issuer does not have')

/** Checks the token, the signature first, and reads what it offers. */
export async function processIdToken(
  idToken: string,
  keys: KeySet,
  issuer: Issuer,
  expected: Expectations,
  now: Timestamp,
): Promise<Processed> {
  const jws = takeApart(idToken, MAX_ID_TOKEN_BYTES)
  if (!jws) throw not('ID_TOKEN_INVALID', 'no compact JWS')
  const { alg: name, kid, ...more } = wellFormed(() => header(parse(jws.header)))
  if ('crit' in more) throw not('ID_TOKEN_INVALID', 'more than this version understands')
  const alg = algorithm(name)
  if (alg === undefined) throw not('ID_TOKEN_UNTRUSTED', 'signed in a way that no issuer signs')
  const candidates = keys.find(alg, kid)
  if (candidates.length === 0) throw not('ID_TOKEN_UNTRUSTED', 'signed by an unknown key', KEY_UNKNOWN)
  const verified = await Promise.all(candidates.map((key) => verifies(alg, key, jws.signingInput, jws.signature)))
  if (!verified.includes(true)) throw not('ID_TOKEN_UNTRUSTED', 'signed by somebody else')
  const token = wellFormed(() => claims(parse(jws.payload)))
  check(token, issuer, expected, now)
  const said = token.device_enrollment
  if (said === undefined) return { result: 'nothing' }
  if (!said.offered) return { result: 'not-enrolled', reason: said.reason }
  return { result: 'offer', offer: { ticket: said.ticket, expiresAt: said.exp * 1000 } }
}

function wellFormed<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Unreadable) throw not('ID_TOKEN_INVALID', error.message)
    throw error
  }
}

function not(code: OwnCode, why: string, cause?: unknown): DeviceError {
  return DeviceError.own(code, `the ID token is not believed: ${why}`, cause)
}
