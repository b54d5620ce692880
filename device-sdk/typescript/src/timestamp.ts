// Points in time as the wire writes them. Nothing here asks a clock.

import { Unreadable, type Reader, text } from './reading.js'

/** Milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` counts them. */
export type Timestamp = number

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

/** RFC 3339; nothing for anything else, the 30th of February among it. */
export function parseTimestamp(from: string): Timestamp | undefined {
  const found = RFC3339.exec(from)
  if (!found) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [number, number, number, number, number, number]
  const millis = Number((found[7] ?? '').padEnd(3, '0').slice(0, 3))
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  const isDate = local.getUTCMonth() === month - 1 && local.getUTCDate() === day
  const [offsetHours, offsetMinutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)]
  if (!isDate || hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined
  const offset = (found[8] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes)
  return local.setUTCHours(hour, minute - offset, second, millis)
}

/** The `Date` header [RFC 9110 §5.6.7], in its one current form. */
export function parseHttpDate(from: string): Timestamp | undefined {
  if (!IMF_FIXDATE.test(from)) return undefined
  const at = Date.parse(from)
  return Number.isNaN(at) ? undefined : at
}

/** Rounded down: the unit of `iat` [RFC 7519 §2]. */
export function seconds(at: Timestamp): number {
  return Math.floor(at / 1000)
}

export const timestamp: Reader<Timestamp> = (value) => {
  const at = parseTimestamp(text(value))
  if (at === undefined) throw new Unreadable('not a time')
  return at
}
