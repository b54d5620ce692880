// The canonical form of JSON [RFC 8785].

const LONE_SURROGATE = /\p{Surrogate}/u

/** ECMAScript writes strings and numbers as JCS wants them; what is left is the order of members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    // Without a comparison of its own, `sort` goes by UTF-16 code units, as §3.2.3 asks.
    const names = members.map(([name]) => name).sort()
    const all = new Map(members)
    return `{${names.map((name) => `${canonicalJson(name)}:${canonicalJson(all.get(name))}`).join(',')}}`
  }
  if (typeof value === 'string' && LONE_SURROGATE.test(value)) throw new TypeError('half a character has no canonical form')
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not a number of JSON')
  return JSON.stringify(value)
}
