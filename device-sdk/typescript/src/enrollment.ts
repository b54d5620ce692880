// Automatic enrollment: a person signs in to an app, and the ID token offers to make this phone their device.

import { is32Bytes } from './base64url.js'
import { Unreadable, flag, integer, maybe, open, text, type Reader } from './reading.js'

/** 32 random bytes, good for one answer by one key. It does not print, and is no JSON. */
export class EnrollmentTicket {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  static read(this: void, value: unknown): EnrollmentTicket {
    if (typeof value === 'string' && is32Bytes(value)) return new EnrollmentTicket(value)
    throw new Unreadable('not an enrollment ticket')
  }

  /** The text on the wire. Each caller is a place to look at in a review. */
  expose(): string {
    return this.#text
  }

  toJSON(): string {
    return '[redacted]'
  }
}

/** What the claim `device_enrollment` of an ID token says about this phone. */
export type DeviceEnrollment =
  | { offered: true; ticket: EnrollmentTicket; exp: number }
  /** The sign-in counts, the phone is no device. */
  | { offered: false; reason: string }

const wire = open({
  offered: flag,
  ticket: maybe<EnrollmentTicket>(EnrollmentTicket.read),
  exp: maybe(integer),
  reason: maybe(text),
})

export const readDeviceEnrollment: Reader<DeviceEnrollment> = (value) => {
  const { offered, ticket, exp, reason } = wire(value)
  if (offered && ticket !== undefined && exp !== undefined) return { offered, ticket, exp }
  if (!offered && reason !== undefined) return { offered, reason }
  throw new Unreadable('neither an offer nor a reason')
}
