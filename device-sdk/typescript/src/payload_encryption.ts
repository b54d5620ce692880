// A mobile payload that nobody on the way can read: in a URL it has to be one. The JWS in a compact JWE [RFC 7516 §7.1]
// for a key of the issuer, by ECDH-ES on P-256 and A256GCM.

import { encode, type Bytes } from './base64url.js'
import { DeviceError } from './error.js'
import { parse, write } from './json.js'
import { readPublicJwk, type PublicJwk } from './jwk.js'
import { MAX_PAYLOAD_BYTES, PAYLOAD_TYPE } from './payload.js'
import { anything, list, open, text, word } from './reading.js'

const ALG = 'ECDH-ES'
const ENC = 'A256GCM'
const P256 = { name: 'ECDH', namedCurve: 'P-256' }

/** The key of an issuer that payloads are encrypted for. */
export interface PayloadKey {
  kid: string
  jwk: PublicJwk
}

/** What is agreed on by one of these is used once. */
export interface Once {
  pair: CryptoKeyPair
  /** 12 bytes. */
  nonce: Bytes
}

const keySet = open({ keys: list(anything) })
const keyWire = open({ kty: text, crv: text, use: word('enc'), alg: word(ALG), kid: text, x: text, y: text })

/** The first of them in the document behind the issuer's `jwks_uri`. Throws `Unreadable` for what is no JWK set. */
export function payloadKey(jwks: Bytes): PayloadKey | undefined {
  for (const value of keySet(parse(jwks)).keys) {
    try {
      const { kid, kty, crv, x, y } = keyWire(value)
      return { kid, jwk: readPublicJwk({ kty, crv, x, y }) }
    } catch {
      // For somebody else.
    }
  }
  return undefined
}

/** What `generateMobilePayload` gave, for this issuer alone. `once` is for tests: it is drawn anew each time. */
export async function encryptMobilePayload(payload: string, key: PayloadKey, once?: Once): Promise<string> {
  const { pair, nonce } = once ?? (await drawn())
  const { kty, crv, x, y } = readPublicJwk(bare(await crypto.subtle.exportKey('jwk', pair.publicKey)))
  const header = { alg: ALG, enc: ENC, kid: key.kid, cty: PAYLOAD_TYPE, epk: { kty, crv, x, y } }
  const protectedHeader = encode(write(header))
  const content = await contentKey(key.jwk, pair.privateKey)
  const additionalData = new TextEncoder().encode(protectedHeader)
  const aes = { name: 'AES-GCM', iv: nonce, additionalData, tagLength: 128 }
  const sealed = new Uint8Array(await crypto.subtle.encrypt(aes, content, new TextEncoder().encode(payload)))
  const [body, tag] = [sealed.subarray(0, -16), sealed.subarray(-16)]
  const encrypted = `${protectedHeader}..${encode(nonce)}.${encode(body)}.${encode(tag)}`
  if (encrypted.length <= MAX_PAYLOAD_BYTES) return encrypted
  throw DeviceError.own('PAYLOAD_TOO_LONG', 'the payload would be longer than 4 KiB')
}

async function drawn(): Promise<Once> {
  const pair = await crypto.subtle.generateKey(P256, false, ['deriveBits'])
  return { pair, nonce: crypto.getRandomValues(new Uint8Array(12)) }
}

const bare = ({ kty, crv, x, y }: JsonWebKey) => ({ kty, crv, x, y })

/** The Concat KDF of SHA-256 [RFC 7518 §4.6.2], of two that have nothing more to say. */
async function contentKey(issuers: PublicJwk, own: CryptoKey): Promise<CryptoKey> {
  let agreed: ArrayBuffer
  try {
    const theirs = await crypto.subtle.importKey('jwk', { ...issuers }, P256, false, [])
    agreed = await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs }, own, 256)
  } catch (error) {
    throw DeviceError.own('KEY_UNAVAILABLE', 'nothing can be encrypted for the key of the issuer', error)
  }
  const name = new TextEncoder().encode(ENC)
  const parts = [number(1), new Uint8Array(agreed), number(name.length), name, number(0), number(0), number(256)]
  const input = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    input.set(part, at)
    at += part.length
  }
  const bits = await crypto.subtle.digest('SHA-256', input)
  return crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt'])
}

/** 32 bits, the highest first. */
function number(value: number): Bytes {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}
