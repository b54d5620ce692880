// JSON as a signature needs it: bytes that mean one thing to everybody who reads them.

import type { Bytes } from './base64url.js'
import { Unreadable } from './reading.js'

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g
const LONE_SURROGATE = /\p{Surrogate}/u

/** Refuses what `JSON.parse` lets pass: broken UTF-8, half a character, a member that is there twice. */
export function parse(bytes: Bytes): unknown {
  let text
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    throw new Unreadable('not JSON')
  }
  refuseRepetitions(text)
  return value
}

/** The text is JSON already: its tokens say enough. */
function refuseRepetitions(text: string): void {
  const open: (Set<string> | undefined)[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const members = open.at(-1)
      if (members?.has(last)) throw new Unreadable('a member is there twice')
      members?.add(last)
    } else if (token !== ',') {
      last = JSON.parse(token)
      if (LONE_SURROGATE.test(last)) throw new Unreadable('half a character')
    }
  }
}

/** The bytes of a message. Members keep their order; those without a value are left out. */
export function write(message: object): Bytes {
  return new TextEncoder().encode(JSON.stringify(message))
}
