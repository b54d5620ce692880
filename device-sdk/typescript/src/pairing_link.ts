// What a phone scans or a person types to pair: `nod://pair?issuer=<url>&key=<12 digits>`, or the twelve digits alone.

import { DeviceError } from './error.js'
import { Issuer } from './issuer.js'

const GROUPED_DIGITS = /^[0-9](?:[ -]?[0-9]){11}$/
/** Matched here, because not every browser's URL parser knows what a host is in a scheme of its own. */
const LINK = /^[Nn][Oo][Dd]:\/\/pair(?:\?([^#]*))?$/
const PRINTABLE = /^[!-~]*$/

/** Twelve digits that pair one device, once and soon. It does not print, and is no JSON. */
export class PairingKey {
  readonly #digits: string

  private constructor(digits: string) {
    this.#digits = digits
  }

  /** Takes digits as people write them, in groups: `1234 5678 9012`, `1234-5678-9012`. */
  static parse(text: string): PairingKey {
    if (GROUPED_DIGITS.test(text)) return new PairingKey(text.replaceAll(/[ -]/g, ''))
    throw DeviceError.own('PAIRING_KEY_MALFORMED', 'a pairing key has twelve digits')
  }

  /** The digits. Each caller is a place to look at in a review. */
  expose(): string {
    return this.#digits
  }

  toJSON(): string {
    return '[redacted]'
  }
}

/** Everything a phone needs to pair: which server, and the key. */
export interface PairingLink {
  issuer: Issuer
  key: PairingKey
}

/** What came out of the camera or the keyboard. The digits alone need an app that knows the server already. */
export function parseScanned(text: string): PairingLink | { issuer?: undefined; key: PairingKey } {
  const trimmed = text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
  return trimmed.includes(':') ? parsePairingLink(trimmed) : { key: PairingKey.parse(trimmed) }
}

/** Other parameters are ignored, so that a newer server can add some. */
export function parsePairingLink(text: string): PairingLink {
  const found = PRINTABLE.test(text) ? LINK.exec(text) : null
  if (!found) throw DeviceError.own('PAIRING_LINK_INVALID', 'not a pairing link')
  const parameters = new URLSearchParams(found[1] ?? '')
  const issuer = single(parameters, 'issuer')
  const key = single(parameters, 'key')
  // In a link the digits stand bare: grouping is for people.
  if (!/^[0-9]*$/.test(key)) throw DeviceError.own('PAIRING_KEY_MALFORMED', 'a pairing key has twelve digits')
  return { issuer: Issuer.parse(issuer), key: PairingKey.parse(key) }
}

/** The link as a QR code carries it. It contains the key. */
export function printPairingLink({ issuer, key }: PairingLink): string {
  return `nod://pair?${new URLSearchParams([['issuer', issuer.toString()], ['key', key.expose()]])}`
}

function single(parameters: URLSearchParams, name: string): string {
  const values = parameters.getAll(name)
  if (values.length === 1 && values[0] !== undefined) return values[0]
  throw DeviceError.own('PAIRING_LINK_INVALID', `the pairing link has to have \`${name}\` once`)
}
