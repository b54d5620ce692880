// SHA-256 values on the wire: base64url without padding.

import { encode, type Bytes } from './base64url.js'

/** What was shown to the person; the body of a request; a public key; a push token; a sign-in. */
export type Digest = string

export async function digest(bytes: Bytes): Promise<Digest> {
  return encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

export function digestText(text: string): Promise<Digest> {
  return digest(new TextEncoder().encode(text))
}
