// The issuer's keys: found through its metadata, and kept for a while.

import type { Bytes } from '../base64url.js'
import { DeviceError } from '../error.js'
import { KEY_UNKNOWN, KeySet, processIdToken, type Expectations, type Processed } from '../id_token.js'
import { parse } from '../json.js'
import { payloadKey, type PayloadKey } from '../payload_encryption.js'
import { open, text } from '../reading.js'
import type { Connection } from './connection.js'

/** How long the issuer's keys are taken for its keys, in milliseconds. */
const LIFETIME = 3_600_000

const metadata = open({ issuer: text, jwks_uri: text })

export class KeyCache {
  #keys: KeySet | undefined
  #payloadKey: PayloadKey | undefined
  #fetched = 0

  /**
   * With the keys at hand; a token by a key that is not among them fetches them again, once. A Nod server announces a
   * key long before it signs with it, so this is rare.
   */
  async process(connection: Connection, idToken: string, expected: Expectations): Promise<Processed> {
    const process = (keys: KeySet) => processIdToken(idToken, keys, connection.issuer, expected, connection.now())
    if (this.#keys !== undefined && this.#isFresh()) {
      try {
        return await process(this.#keys)
      } catch (error) {
        if (!(error instanceof DeviceError && error.cause === KEY_UNKNOWN)) throw error
      }
    }
    return process(await this.#fetch(connection))
  }

  /** What payloads are encrypted for. */
  async forPayloads(connection: Connection): Promise<PayloadKey> {
    if (this.#payloadKey === undefined || !this.#isFresh()) await this.#fetch(connection)
    if (this.#payloadKey !== undefined) return this.#payloadKey
    throw DeviceError.answer(200, 'no key to encrypt payloads for')
  }

  #isFresh(): boolean {
    return performance.now() - this.#fetched < LIFETIME
  }

  async #fetch(connection: Connection): Promise<KeySet> {
    const issuer = connection.issuer.toString()
    const url = `${issuer}/.well-known/openid-configuration`
    const found = await connection.fetchPublished(url, (json) => metadata(parse(json)))
    // [OpenID Connect Discovery §4.3]
    if (found.issuer !== issuer) throw DeviceError.answer(200, 'the metadata of another issuer')
    // A Nod server publishes its keys itself; what it trusts elsewhere is no affair of a phone.
    if (!found.jwks_uri.startsWith(`${issuer}/`)) throw DeviceError.answer(200, "keys that are not the issuer's")
    const read = (json: Bytes) => ({ keys: KeySet.parse(json), forPayloads: payloadKey(json) })
    const { keys, forPayloads } = await connection.fetchPublished(found.jwks_uri, read)
    this.#keys = keys
    this.#payloadKey = forPayloads
    this.#fetched = performance.now()
    return keys
  }
}
