// Readers: from a value that anybody may have sent to one of a known shape.

import { is32Bytes } from './base64url.js'

/** Not what was expected. */
export class Unreadable extends Error {
  override name = 'Unreadable'
}

export type Reader<T> = (value: unknown) => T

/** A member that may be left out. */
export interface Optional<T> {
  readonly optional: Reader<T>
}

type Fields = Record<string, Reader<unknown> | Optional<unknown>>
type Required<F> = { [K in keyof F as F[K] extends Reader<unknown> ? K : never]: F[K] extends Reader<infer T> ? T : never }
type Rest<F> = { [K in keyof F as F[K] extends Reader<unknown> ? never : K]?: F[K] extends Optional<infer T> ? T : never }
type Flat<T> = { [K in keyof T]: T[K] }
export type Read<F> = Flat<Required<F> & Rest<F>>

function reader<T>(what: string, fits: (value: unknown) => value is T): Reader<T> {
  return (value) => {
    if (fits(value)) return value
    throw new Unreadable(`not ${what}`)
  }
}

const matching = (what: string, fits: (text: string) => boolean): Reader<string> =>
  reader(what, (value): value is string => typeof value === 'string' && fits(value))

export const text = reader('text', (value): value is string => typeof value === 'string')
export const flag = reader('true or false', (value): value is boolean => typeof value === 'boolean')
export const number = reader('a number', (value): value is number => typeof value === 'number')
export const integer = reader('an integer', (value): value is number => Number.isSafeInteger(value))
export const anything: Reader<unknown> = (value) => value

const U32 = 2 ** 32
export const isU32 = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < U32
export const u32 = reader('a number of 32 bits', isU32)

/** One identifier has one spelling: a UUID in lower case. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const id = matching('a UUID in lower-case hyphenated form', (value) => ID.test(value))
export const digest = matching('32 bytes in base64url without padding', is32Bytes)

export function word<const W extends string>(...words: W[]): Reader<W> {
  return reader(`one of ${words.join(', ')}`, (value): value is W => (words as unknown[]).includes(value))
}

/** A word, or `UNKNOWN` for one of a server that is newer than this version. */
export function wordOrNewer<const W extends string>(...words: W[]): Reader<W | 'UNKNOWN'> {
  const known = word(...words)
  return (value) => ((words as string[]).includes(text(value)) ? known(value) : 'UNKNOWN')
}

export function list<T>(item: Reader<T>): Reader<T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new Unreadable('not a list')
    return value.map((one) => item(one))
  }
}

/** When it is there, it has a value: `null` is not "absent". */
export const present = <T>(read: Reader<T>): Optional<T> => ({ optional: read })

/** In answers `null` is taken for "absent": nobody signs them. */
export const maybe = <T>(read: Reader<T>): Optional<T | undefined> => ({
  optional: (value) => (value === null ? undefined : read(value)),
})

/** Members that are not named are passed over. */
export function open<F extends Fields>(fields: F): Reader<Read<F>> {
  return (value) => {
    const given = object(value)
    const read = Object.create(null) as Record<string, unknown>
    for (const [name, field] of Object.entries(fields)) {
      if (!Object.hasOwn(given, name)) {
        if (typeof field === 'function') throw new Unreadable(`${name} is missing`)
        continue
      }
      const found = (typeof field === 'function' ? field : field.optional)(given[name])
      if (found !== undefined) read[name] = found
    }
    return { ...read } as Read<F>
  }
}

/** Members that are not named are refused. */
export function closed<F extends Fields>(fields: F): Reader<Read<F>> {
  const known = open(fields)
  return (value) => {
    const stray = Object.keys(object(value)).find((name) => !Object.hasOwn(fields, name))
    if (stray !== undefined) throw new Unreadable('a member too many')
    return known(value)
  }
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Unreadable('not an object')
}
