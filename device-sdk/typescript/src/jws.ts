// Compact JWS [RFC 7515 §3.1], put together and taken apart. What header and claims may say is for the modules that
// know what they are for.

import { decode, encode, type Bytes } from './base64url.js'
import { write } from './json.js'
import { publicJwkOf, signWith, type DeviceKey } from './key.js'
import { readPublicJwk, type PublicJwk } from './jwk.js'
import { closed, word, type Reader } from './reading.js'

/** The JOSE header of whatever a device signs: `typ`, `alg`, `jwk` and no other member. */
export interface Header {
  typ: string
  /** The one algorithm of a device: a constant, not a choice. */
  alg: 'ES256'
  jwk: PublicJwk
}

export function headerOf(typ: string, { kty, crv, x, y }: PublicJwk): Header {
  return { typ, alg: 'ES256', jwk: { kty, crv, x, y } }
}

export const readHeader = (typ: string): Reader<Header> => closed({ typ: word(typ), alg: word('ES256'), jwk: readPublicJwk })

/** The parts, decoded and not believed yet. */
export interface Compact {
  signingInput: Bytes
  header: Bytes
  payload: Bytes
  signature: Bytes
}

/** Nothing for what is no compact JWS of at most `limit` bytes. */
export function takeApart(text: string, limit: number): Compact | undefined {
  const parts = text.split('.')
  if (text.length > limit || parts.length !== 3) return undefined
  const [header, payload, signature] = parts.map(decode)
  if (!header || !payload || !signature) return undefined
  const signingInput = new TextEncoder().encode(text.slice(0, text.lastIndexOf('.')))
  return { signingInput, header, payload, signature }
}

export async function sign(typ: string, claims: object, key: DeviceKey): Promise<string> {
  const header = headerOf(typ, await publicJwkOf(key))
  const signingInput = `${encode(write(header))}.${encode(write(claims))}`
  return `${signingInput}.${encode(await signWith(key, new TextEncoder().encode(signingInput)))}`
}
