// The address of a Nod server, which is also its name.

import { DeviceError } from './error.js'

const IPV4_LOOPBACK = /^127\.\d+\.\d+\.\d+$/
/** What a URL parser would repair means to a reader something else than to the parser. */
const PLAIN = /^[!-[\]-~]+$/

/**
 * An issuer identifier: `https`, or `http` on this very machine, without query, fragment and user name, and without
 * a slash at its end (one there is dropped). The text is kept as it was given, because issuers are compared as strings
 * [OpenID Connect Discovery §4.3]; the URL parser only judges it.
 */
export class Issuer {
  private constructor(private readonly text: string) {}

  static parse(given: string): Issuer {
    const text = given.endsWith('/') ? given.slice(0, -1) : given
    const url = absolute(text)
    if (url === undefined || text.endsWith('/') || !PLAIN.test(text) || /[?#@]/.test(text)) {
      throw DeviceError.own('ISSUER_INVALID', 'not an absolute URL of a host, without query, fragment and user name')
    }
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return new Issuer(text)
    throw DeviceError.own('ISSUER_INSECURE', 'not https: plain http is for this machine alone')
  }

  /** The host with its port: what a person can be shown before pairing. */
  get authority(): string {
    return this.text.split('://')[1]?.split('/')[0] ?? ''
  }

  /** The URL of one call of the device API; `path` begins with a slash. */
  deviceUrl(path: string): string {
    return `${this.text}/device/v1${path}`
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

function absolute(text: string): URL | undefined {
  try {
    const url = new URL(text)
    return url.host === '' ? undefined : url
  } catch {
    return undefined
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || IPV4_LOOPBACK.test(hostname)
}
