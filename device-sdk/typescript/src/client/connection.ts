// How a `Call` reaches the server and an answer comes back: proofs, nonce, clock, limits.

import type { Bytes } from '../base64url.js'
import { Call } from '../call.js'
import { DeviceError } from '../error.js'
import type { Issuer } from '../issuer.js'
import { parse } from '../json.js'
import type { DeviceKey } from '../key.js'
import { generateMobilePayload, type PayloadFacts } from '../payload.js'
import { encryptMobilePayload } from '../payload_encryption.js'
import { DEVICE_NONCE, DEVICE_PROOF, type Freshness } from '../proof.js'
import { open, text, type Reader } from '../reading.js'
import { parseHttpDate, seconds, type Timestamp } from '../timestamp.js'
import { VERSION } from '../version.js'
import { KeyCache } from './keys.js'

/** More than any answer of a Nod server holds. */
const MAX_ANSWER_BYTES = 256 * 1024
const MAX_PROBLEM_BYTES = 16 * 1024
const MAX_NONCE_LENGTH = 512
/** The way of an answer and the whole seconds of `Date` explain this much difference. */
const CLOCK_TOLERANCE_SECONDS = 5

export const JSON_TYPE = 'application/json'
export const EVENT_STREAM = 'text/event-stream'
const PROBLEM = 'application/problem+json'

/** In milliseconds. */
export interface Timing {
  /** From the first byte sent to the last byte read; for events, to the answer's header. */
  answer: number
  /** Two keep-alives of the server (15 s) may get lost. */
  silence: number
  firstPause: number
  longestPause: number
}

/** What an app may bring along. */
export interface Options {
  /** In place of a new `WebCryptoKey`. */
  key?: DeviceKey | undefined
  fetch?: typeof fetch | undefined
  /** In place of the system's clock. It is believed until the server contradicts. */
  clock?: (() => Timestamp) | undefined
  /** In place of the system's randomness. */
  random?: ((bytes: number) => Uint8Array) | undefined
  timing?: Partial<Timing> | undefined
}

/** What is sent, made anew for each try: a rotation holds a second proof in its body, as fresh as the first. */
export type Request = (fresh: () => Freshness) => Call | Promise<Call>

const problem = open({ code: text })

export class Connection {
  readonly timing: Timing
  readonly keys = new KeyCache()
  readonly #fetch: typeof fetch
  readonly #clock: () => Timestamp
  readonly #clockIsGiven: boolean
  readonly #random: (bytes: number) => Uint8Array
  #nonce: string | undefined
  /** How far the server's clock is ahead of ours. */
  #aheadSeconds = 0

  constructor(
    readonly issuer: Issuer,
    public key: DeviceKey,
    options: Options,
  ) {
    this.timing = { answer: 10_000, silence: 40_000, firstPause: 200, longestPause: 5_000, ...options.timing }
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
    this.#clock = options.clock ?? Date.now
    this.#clockIsGiven = options.clock !== undefined
    this.#random = options.random ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes)))
  }

  /** The server's time as well as it is known here. */
  now(): Timestamp {
    return this.#clock() + this.#aheadSeconds * 1000
  }

  fresh(): Freshness {
    return { iat: seconds(this.now()), jti: this.#random(16), nonce: this.#nonce }
  }

  /** Of an installation that may have no name yet. */
  mobilePayload(facts: PayloadFacts, installationId?: string): Promise<string> {
    const all = { ...facts, sdkVersion: facts.sdkVersion ?? VERSION }
    return generateMobilePayload(all, this.issuer, installationId, this.key, this.fresh())
  }

  /** The same, for the issuer alone. Its key first: a payload is good for two minutes from when it was signed. */
  async encryptedPayload(facts: PayloadFacts, installationId?: string): Promise<string> {
    const key = await this.keys.forPayloads(this)
    return encryptMobilePayload(await this.mobilePayload(facts, installationId), key)
  }

  /** Between 0 and 1. */
  chance(): number {
    return (this.#random(1)[0] ?? 255) / 255
  }

  ask<T>(call: Call, read: Reader<T>): Promise<T> {
    return this.askFor(() => call, read)
  }

  async askFor<T>(request: Request, read: Reader<T>): Promise<T> {
    return this.#inTime(async (signal) => {
      const response = await this.#exchange(request, JSON_TYPE, signal)
      const body = await readJson(response)
      return understood(response.status, 'not the JSON of this call', () => read(parse(body)))
    })
  }

  /** For calls whose answer has no content. */
  async tell(call: Call): Promise<void> {
    await this.#inTime((signal) => this.#exchange(() => call, JSON_TYPE, signal))
  }

  /** The open stream. Whoever reads it watches the time, and ends it. */
  async listen(signal: AbortSignal): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const opening = new AbortController()
    const timer = setTimeout(() => opening.abort(), this.timing.answer)
    const give = () => opening.abort()
    signal.addEventListener('abort', give, { once: true })
    if (signal.aborted) give()
    try {
      const response = await this.#exchange(Call.events, EVENT_STREAM, opening.signal)
      if (response.body !== null && hasType(response, EVENT_STREAM)) return response.body.getReader()
      throw DeviceError.answer(response.status, 'not an event stream')
    } finally {
      clearTimeout(timer)
    }
  }

  /** What the issuer publishes for everybody, without a proof. */
  fetchPublished<T>(url: string, read: (json: Bytes) => T): Promise<T> {
    return this.#inTime(async (signal) => {
      const response = await this.#request(url, { headers: { Accept: JSON_TYPE }, signal })
      if (!response.ok) throw DeviceError.answer(response.status, 'not a published document')
      const body = await readJson(response)
      return understood(response.status, 'not the document that was asked for', () => read(body))
    })
  }

  async #inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const patience = new AbortController()
    const timer = setTimeout(() => patience.abort(), this.timing.answer)
    try {
      return await work(patience.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Sends, and sends once more with a new proof when the server wants another nonce or another time: a call with a
   * refused proof was not carried out, so nothing happens twice.
   */
  async #exchange(request: Request, accept: string, signal: AbortSignal): Promise<Response> {
    let [nonceRenewed, clockSet] = [false, false]
    for (;;) {
      const response = await this.#send(request, accept, signal)
      if (response.ok) return response
      const date = dateOf(response)
      const refusal = await refusalOf(response)
      const code = refusal.refused ? refusal.code : undefined
      if (code === 'USE_DEVICE_NONCE' && response.headers.has(DEVICE_NONCE) && !nonceRenewed) nonceRenewed = true
      else if (code === 'PROOF_EXPIRED' && date !== undefined && !clockSet) {
        clockSet = true
        this.#setClock(date)
      } else throw refusal
    }
  }

  async #send(request: Request, accept: string, signal: AbortSignal): Promise<Response> {
    const call = await request(() => this.fresh())
    const proof = await call.prove(this.issuer, this.key, this.fresh())
    const headers = new Headers({ [DEVICE_PROOF]: proof, Accept: accept })
    if (call.body !== undefined) headers.set('Content-Type', JSON_TYPE)
    return this.#request(call.url(this.issuer), { method: call.method, headers, body: call.body ?? null, signal })
  }

  async #request(url: string, init: RequestInit): Promise<Response> {
    try {
      const response = await this.#fetch(url, {
        ...init,
        // A proof is for one URL; somewhere else it only leaks.
        redirect: 'manual',
        credentials: 'omit',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
      })
      this.#learn(response)
      return response
    } catch (error) {
      throw unreachable(error)
    }
  }

  #learn(response: Response): void {
    const nonce = response.headers.get(DEVICE_NONCE) ?? ''
    if (nonce.length > 0 && nonce.length <= MAX_NONCE_LENGTH) this.#nonce = nonce
    const date = dateOf(response)
    if (this.#clockIsGiven || date === undefined) return
    if (Math.abs(seconds(this.now()) - seconds(date)) > CLOCK_TOLERANCE_SECONDS) this.#setClock(date)
  }

  #setClock(server: Timestamp): void {
    this.#aheadSeconds = seconds(server) - seconds(this.#clock())
  }
}

export function unreachable(cause: unknown): DeviceError {
  return DeviceError.own('UNREACHABLE', 'the server cannot be reached', cause)
}

function understood<T>(status: number, what: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw DeviceError.answer(status, what)
  }
}

function hasType(response: Response, expected: string): boolean {
  const [type = ''] = (response.headers.get('Content-Type') ?? '').split(';')
  return type.trim().toLowerCase() === expected
}

function dateOf(response: Response): Timestamp | undefined {
  return parseHttpDate(response.headers.get('Date') ?? '')
}

/** [RFC 9110 §10.2.3] in its form of seconds. */
function retryAfter(response: Response): number | undefined {
  const asked = response.headers.get('Retry-After') ?? ''
  return /^\d{1,9}$/.test(asked) ? Number(asked) : undefined
}

async function refusalOf(response: Response): Promise<DeviceError> {
  const { status } = response
  if (!hasType(response, PROBLEM)) {
    await response.body?.cancel().catch(() => undefined)
    // A browser does not tell the status of a redirect.
    const redirect = response.type === 'opaqueredirect' || (status >= 300 && status < 400)
    return DeviceError.answer(status, redirect ? 'a redirect' : 'an error of something in between')
  }
  const body = await readBody(response, MAX_PROBLEM_BYTES)
  const { code } = understood(status, 'not a problem document', () => problem(parse(body)))
  return DeviceError.refusal(code, status, retryAfter(response))
}

async function readJson(response: Response): Promise<Bytes> {
  if (hasType(response, JSON_TYPE)) return readBody(response, MAX_ANSWER_BYTES)
  throw DeviceError.answer(response.status, 'not JSON')
}

/** Reads no more than `limit` bytes, whatever `Content-Length` says. */
async function readBody(response: Response, limit: number): Promise<Bytes> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read().catch((error: unknown) => Promise.reject(unreachable(error)))
    if (done) break
    length += value.length
    if (length > limit) {
      await reader.cancel().catch(() => undefined)
      throw DeviceError.answer(response.status, 'too long')
    }
    chunks.push(value)
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return body
}
