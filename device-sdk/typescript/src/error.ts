// Everything that can go wrong, with a stable code for each.

import { numberOf } from './error_number.js'

/** Codes that come from the device itself. Those of the server come through as they are. */
export type OwnCode =
  | 'ISSUER_INSECURE'
  | 'ISSUER_INVALID'
  | 'PAIRING_KEY_MALFORMED'
  | 'PAIRING_LINK_INVALID'
  /** The same code as the server's 409: for the person it is the same thing. */
  | 'EXPIRED'
  | 'NUMBER_REQUIRED'
  | 'NUMBER_NOT_OFFERED'
  | 'NUMBER_NOT_ASKED'
  /** Answer with `choose`. */
  | 'CHOICE_REQUIRED'
  | 'CHOICE_NOT_ASKED'
  | 'APP_OUTDATED'
  /** Deleted, or this browser cannot use it. */
  | 'KEY_UNAVAILABLE'
  /** The person did not let the key sign. */
  | 'KEY_DECLINED'
  | 'PAYLOAD_TOO_LONG'
  | 'ID_TOKEN_INVALID'
  | 'ID_TOKEN_UNTRUSTED'
  | 'ISSUER_MISMATCH'
  | 'AUDIENCE_MISMATCH'
  | 'ID_TOKEN_EXPIRED'
  | 'ID_TOKEN_NOT_YET_VALID'
  | 'NONCE_MISMATCH'
  /** No network, no server, no trust in its certificate, or not in time. */
  | 'UNREACHABLE'
  /** The event stream said nothing for longer than its keep-alive allows. */
  | 'SILENT'
  /** Not the answer of a Nod server, or too long to be one. */
  | 'ANSWER_INVALID'

/** Codes of the server after which the same call can succeed later, made anew with a new proof. */
const RETRYABLE_REFUSALS = ['TOO_MANY_ATTEMPTS', 'TEMPORARILY_UNAVAILABLE', 'USE_DEVICE_NONCE', 'PROOF_REPLAYED']
const RETRYABLE: OwnCode[] = ['KEY_DECLINED', 'UNREACHABLE', 'SILENT']

interface Details {
  retryable: boolean
  status?: number
  /** The server said no, and said why. */
  refused?: boolean
  retryAfterSeconds?: number | undefined
  cause?: unknown
}

/** What an app tells its person about is `code`; whether it offers "try again" is `retryable`. */
export class DeviceError extends Error {
  override name = 'DeviceError'
  /** Stable: apps translate it and count it. */
  readonly code: string
  /** Whether the same call, made again later, can succeed without anybody changing anything. */
  readonly retryable: boolean
  /** Of the answer, where there was one that says no. */
  readonly status: number | undefined
  /** Whether it is the server's code. */
  readonly refused: boolean
  /** How long the server asks to wait. */
  readonly retryAfterSeconds: number | undefined

  /** The closest one of SDKs that count from 10000; `code` is more precise. */
  get number(): number {
    return numberOf(this.code, this.refused)
  }

  private constructor(code: string, message: string, details: Details) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.code = code
    this.retryable = details.retryable
    this.status = details.status
    this.refused = details.refused ?? false
    this.retryAfterSeconds = details.retryAfterSeconds
  }

  static own(code: OwnCode, message: string, cause?: unknown): DeviceError {
    return new DeviceError(code, message, { retryable: RETRYABLE.includes(code), cause })
  }

  static refusal(code: string, status: number, retryAfterSeconds?: number): DeviceError {
    const retryable = RETRYABLE_REFUSALS.includes(code)
    return new DeviceError(code, `the server refused: ${code}`, { retryable, status, refused: true, retryAfterSeconds })
  }

  /** What stands between device and server answers in its own words when the server is away. */
  static answer(status: number, what: string): DeviceError {
    const retryable = status >= 500 || status === 429 || status === 408
    return new DeviceError('ANSWER_INVALID', `the answer is not understood: ${what}`, { retryable, status })
  }
}
