// The key of an installation.

import type { Bytes } from './base64url.js'
import { DeviceError } from './error.js'
import { readPublicJwk, type PublicJwk } from './jwk.js'

/** A P-256 key that signs. It may live where only the operations exist and not the key. */
export interface DeviceKey {
  publicJwk(): Promise<PublicJwk>
  /**
   * ECDSA with SHA-256 over `signingInput`, as `r || s` [RFC 7518 §3.4]. It may ask the person first; a
   * `DeviceError` that it throws comes through.
   */
  sign(signingInput: Bytes): Promise<Uint8Array>
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' }
const SHA256 = { name: 'ECDSA', hash: 'SHA-256' }

/**
 * A key of the browser's. Scripts of the page can sign with it while they run, and cannot take it away. `pair` can be
 * stored in IndexedDB as it is, and nowhere else.
 */
export class WebCryptoKey implements DeviceKey {
  constructor(readonly pair: CryptoKeyPair) {}

  static async generate(): Promise<WebCryptoKey> {
    return new WebCryptoKey(await crypto.subtle.generateKey(P256, false, ['sign', 'verify']))
  }

  async publicJwk(): Promise<PublicJwk> {
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', this.pair.publicKey)
    return readPublicJwk({ kty, crv, x, y })
  }

  async sign(signingInput: Bytes): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign(SHA256, this.pair.privateKey, signingInput))
  }
}

/** Whatever a foreign key does, there is a signature afterwards or a `DeviceError`. */
export async function signWith(key: DeviceKey, signingInput: Bytes): Promise<Uint8Array> {
  const signature = await usable(() => key.sign(signingInput))
  if (signature.length === 64) return signature
  throw DeviceError.own('KEY_UNAVAILABLE', 'the signature of the key is not 64 bytes')
}

export function publicJwkOf(key: DeviceKey): Promise<PublicJwk> {
  return usable(async () => readPublicJwk(await key.publicJwk()))
}

async function usable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof DeviceError ? error : DeviceError.own('KEY_UNAVAILABLE', 'the key cannot be used', error)
  }
}

/** ES256 by the key that says it signed. A point that is not on the curve verifies nothing. */
export async function verifyEs256(jwk: PublicJwk, signingInput: Bytes, signature: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('jwk', { ...jwk }, P256, false, ['verify'])
    return await crypto.subtle.verify(SHA256, key, signature, signingInput)
  } catch {
    return false
  }
}
