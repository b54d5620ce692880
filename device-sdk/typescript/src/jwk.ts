// The public half of a device's key, as a JWK [RFC 7517] on P-256.

import { digestText, type Digest } from './digest.js'
import { closed, digest as coordinate, word } from './reading.js'

/**
 * These four members and no other. A private member (`d`) or a hint (`kid`, `use`) is refused, so that a key has one
 * form to compare and to store. Whether the point lies on the curve is for whoever verifies a signature with it.
 */
export interface PublicJwk {
  kty: 'EC'
  crv: 'P-256'
  x: string
  y: string
}

const members = closed({ kty: word('EC'), crv: word('P-256'), x: coordinate, y: coordinate })

/** Throws `Unreadable` for whatever is no P-256 public key in that form. */
export function readPublicJwk(value: unknown): PublicJwk {
  const { kty, crv, x, y } = members(value)
  return { kty, crv, x, y }
}

/** [RFC 7638 §3] the required members in lexicographic order, without white space. */
export function thumbprint({ crv, kty, x, y }: PublicJwk): Promise<Digest> {
  return digestText(JSON.stringify({ crv, kty, x, y }))
}
