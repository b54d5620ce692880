// The vectors that hold every implementation to the same bytes, and keys to compare with.

import { readFile } from 'node:fs/promises'

/** How many there are of each: a list that lost its content passes nothing. More may come. */
export async function vectors(name, atLeast) {
  const file = JSON.parse(await readFile(new URL(`../../vectors/${name}`, import.meta.url), 'utf8'))
  for (const [list, count] of Object.entries(atLeast)) {
    if (!(file[list]?.length >= count)) throw new Error(`${name} has ${file[list]?.length} ${list}, not ${count}`)
  }
  return file
}

export const bytes = (text) => new TextEncoder().encode(text)
export const fromBase64url = (text) => new Uint8Array(Buffer.from(text, 'base64url'))
export const toBase64url = (data) => Buffer.from(data).toString('base64url')
/** What was signed. */
export const input = (compact) => compact.slice(0, compact.lastIndexOf('.'))

/** A key of the vectors, as an app would bring one of its own. */
export async function fixedKey({ pkcs8, jwk }) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('pkcs8', fromBase64url(pkcs8), algorithm, false, ['sign'])
  return {
    publicJwk: async () => jwk,
    sign: async (data) => new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, data)),
  }
}

/** Verified by Node.js and not by what is tested. */
export async function isSignedBy(jwk, compact) {
  const { createPublicKey, verify } = await import('node:crypto')
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }
  return verify('sha256', bytes(input(compact)), key, fromBase64url(compact.split('.')[2]))
}

/** A question as it comes from a server. */
export const QUESTION = {
  notificationId: 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff',
  deviceId: '11111111-2222-4333-8444-555555555555',
  userId: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  type: 'AUTHENTICATION',
  title: 'Sign in to Shop',
  body: 'Is it you?',
  clientContext: { clientId: 'shop', clientName: 'Shop', scope: 'openid' },
  issuedAt: '2026-03-01T12:00:00Z',
  expiresAt: '2026-03-01T12:02:00Z',
  timeoutDuration: 120,
}
