// Base64url without padding [RFC 7515 §2], in its one spelling.

export type Bytes = Uint8Array<ArrayBuffer>

const ALPHABET = /^[A-Za-z0-9_-]*$/

export function encode(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

export function encodeText(text: string): string {
  return encode(new TextEncoder().encode(text))
}

/** Nothing for padding, foreign characters, and bits beyond the last byte. */
export function decode(text: string): Bytes | undefined {
  if (!ALPHABET.test(text) || text.length % 4 === 1) return undefined
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0))
  return encode(bytes) === text ? bytes : undefined
}

export function is32Bytes(text: string): boolean {
  return decode(text)?.length === 32
}
