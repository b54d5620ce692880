// The mobile payload: what an app sends along with a sign-in, so that the server learns which installation it comes
// from. A compact JWS [RFC 7515 §3.1] by the installation's key, with the key in its header. It proves possession of
// the key and nothing else; the rest is what the phone says about itself.

import { decode, type Bytes } from './base64url.js'
import { digestText, type Digest } from './digest.js'
import { DeviceError } from './error.js'
import type { Issuer } from './issuer.js'
import { parse } from './json.js'
import type { PublicJwk } from './jwk.js'
import { readHeader, sign, takeApart, type Compact, type Header } from './jws.js'
import { verifyEs256, type DeviceKey } from './key.js'
import type { PushToken } from './messages.js'
import { jtiText, type Freshness } from './proof.js'
import { closed, digest, flag, id, integer, present, text, type Read } from './reading.js'

/** The JOSE header `typ`: a JWS made for anything else is no payload [RFC 8725 §3.11]. */
export const PAYLOAD_TYPE = 'mobile-payload+jwt'
/** The longest payload, as it is sent. */
export const MAX_PAYLOAD_BYTES = 4096
/** Seconds from `iat` to `exp`. */
export const PAYLOAD_LIFETIME = 120
export const PAYLOAD_VERSION = 1

/** What the app knows and a payload tells. */
export interface PayloadFacts {
  /** The native application's id, as the server has registered it. */
  applicationId: string
  /** `android`, `ios`, or another word. */
  platform: string
  /** Package name (Android) or bundle id (iOS). */
  package: string
  appVersion?: string | undefined
  sdkVersion?: string | undefined
  osVersion?: string | undefined
  model?: string | undefined
  /** The person's language [RFC 5646]. */
  locale?: string | undefined
  /** The push token, whether the person wants pushes, and whether the system lets the app show them. */
  push?: { token: PushToken; enabled: boolean; permitted: boolean } | undefined
  /** What the app noticed about the phone. A phone that lies says `false` as well. */
  signals?: { rooted: boolean; debugger: boolean; hook: boolean } | undefined
  /** The flow id, or the PKCE `code_challenge`, of the sign-in that the payload is for. */
  boundTo?: string | undefined
}

const fields = {
  v: integer,
  /** The issuer. */
  aud: text,
  app: text,
  plat: text,
  pkg: text,
  iat: integer,
  exp: integer,
  jti: text,
  /** A hint; who it is, the key says. */
  inst: present(id),
  push: present(closed({ prov: text, env: text, th: digest, enabled: flag, permitted: flag })),
  appv: present(text),
  sdkv: present(text),
  osv: present(text),
  model: present(text),
  loc: present(text),
  bind: present(digest),
  sig: present(closed({ rooted: flag, debugger: flag, hook: flag })),
}
const wire = closed(fields)

/** By the names of the wire, and in its order. */
export type PayloadClaims = Read<typeof fields>

/** Why something is no mobile payload. */
export class NotAPayload extends Error {
  override name = 'NotAPayload'

  constructor(readonly reason: 'NOT_COMPACT' | 'HEADER' | 'CLAIMS' | 'VERSION' | 'JTI' | 'LIFETIME' | 'SIGNATURE') {
    super(`not a mobile payload: ${reason}`)
  }
}

/** Of an installation that may have no name yet. `fresh.nonce` has no place in a payload. */
export async function payloadClaims(
  facts: PayloadFacts,
  issuer: Issuer,
  installationId: string | undefined,
  fresh: Freshness,
): Promise<PayloadClaims> {
  const { push, signals, boundTo } = facts
  return {
    v: PAYLOAD_VERSION,
    aud: issuer.toString(),
    app: facts.applicationId,
    plat: facts.platform,
    pkg: facts.package,
    iat: fresh.iat,
    exp: fresh.iat + PAYLOAD_LIFETIME,
    jti: jtiText(fresh),
    inst: installationId,
    push: push && (await pushClaims(push)),
    appv: facts.appVersion,
    sdkv: facts.sdkVersion,
    osv: facts.osVersion,
    model: facts.model,
    loc: facts.locale,
    bind: boundTo === undefined ? undefined : await digestText(boundTo),
    sig: signals && { rooted: signals.rooted, debugger: signals.debugger, hook: signals.hook },
  } as PayloadClaims
}

async function pushClaims({ token, enabled, permitted }: NonNullable<PayloadFacts['push']>) {
  // The token itself has no business here: its hash is enough to see that it changed.
  const th: Digest = await digestText(token.token)
  return { prov: token.provider, env: token.environment, th, enabled, permitted }
}

/**
 * A payload for one sign-in: as the parameter `mobilePayload` of an authorization request (better a pushed one), or in
 * the body of a step of the flow API. Made anew each time.
 */
export async function generateMobilePayload(
  facts: PayloadFacts,
  issuer: Issuer,
  installationId: string | undefined,
  key: DeviceKey,
  fresh: Freshness,
): Promise<string> {
  const payload = await sign(PAYLOAD_TYPE, await payloadClaims(facts, issuer, installationId, fresh), key)
  if (payload.length <= MAX_PAYLOAD_BYTES) return payload
  throw DeviceError.own('PAYLOAD_TOO_LONG', 'the payload would be longer than 4 KiB')
}

/** From the payload of a JWS whose signature was verified. Whether it is new, and meant for this server, is not seen here. */
export function parsePayloadClaims(payload: Bytes): PayloadClaims {
  const claims = orNot('CLAIMS', () => wire(parse(payload)))
  if (claims.v !== PAYLOAD_VERSION) throw new NotAPayload('VERSION')
  if (decode(claims.jti)?.length !== 16) throw new NotAPayload('JTI')
  if (claims.exp !== claims.iat + PAYLOAD_LIFETIME) throw new NotAPayload('LIFETIME')
  return claims
}

const header = readHeader(PAYLOAD_TYPE)

export function parsePayloadHeader(bytes: Bytes): Header {
  return orNot('HEADER', () => header(parse(bytes)))
}

/** A compact JWS whose header is that of a payload. The claims are out of reach until its signature was verified. */
export class UnverifiedPayload {
  readonly #compact: Compact
  /** The key that claims to have signed. */
  readonly jwk: PublicJwk

  constructor(text: string) {
    const compact = takeApart(text, MAX_PAYLOAD_BYTES)
    if (!compact) throw new NotAPayload('NOT_COMPACT')
    this.jwk = parsePayloadHeader(compact.header).jwk
    if (compact.signature.length !== 64) throw new NotAPayload('NOT_COMPACT')
    this.#compact = compact
  }

  async claims(): Promise<PayloadClaims> {
    const { signingInput, payload, signature } = this.#compact
    if (await verifyEs256(this.jwk, signingInput, signature)) return parsePayloadClaims(payload)
    throw new NotAPayload('SIGNATURE')
  }
}

function orNot<T>(reason: NotAPayload['reason'], read: () => T): T {
  try {
    return read()
  } catch {
    throw new NotAPayload(reason)
  }
}
