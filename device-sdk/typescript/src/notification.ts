// The question on the phone, and the words of its answer.

import { readClientContext, type ClientContext } from './context.js'
import { id, integer, list, maybe, open, text, u32, wordOrNewer, type Reader } from './reading.js'
import { timestamp, type Timestamp } from './timestamp.js'

export type Decision = 'APPROVED' | 'DENIED'
export type DenyReason =
  | 'NONE'
  /** "It was not me." The person is locked, until an administrator has looked. */
  | 'REPORT_FRAUD'
  /** The phone did not recognise its owner. */
  | 'BIOMETRICS_REJECTED'

/** An app by which somebody signs in as the person. It says all of this of itself, and proves nothing of it. */
export interface NewDevice {
  model?: string | undefined
  /** For example `android 16`. */
  os?: string | undefined
  /** What the app is called. */
  application?: string | undefined
}

/** What becomes of a new device. */
export type NewDeviceChoice =
  /** It is the person's, and may become a device of theirs. */
  | 'TRUSTED'
  /** The person is signed in there, and it stays none. */
  | 'ONCE'
  /** It is not let in, */
  | 'DENY'
  /** now or later. */
  | 'BLOCK'

/** The person proves that they look at the screen that asks: against approving by reflex. */
export type NumberMatching =
  /** Pick the number that the other screen shows. */
  | { type: 'SELECT_NUMBER'; options: number[] }
  /** Type the number that the other screen shows. */
  | { type: 'ENTER_MANUALLY' }
  /** From a server newer than this version. */
  | { type: 'UNKNOWN' }

/** One question to one device. Kinds that this version does not know can be denied, but not approved. */
export interface Notification {
  notificationId: string
  deviceId: string
  userId: string
  /** With `APPROVE_NEW_DEVICE` the answer is a `NewDeviceChoice`. */
  type: 'AUTHENTICATION' | 'APPROVE_NEW_DEVICE' | 'UNKNOWN'
  title: string
  body: string
  clientContext: ClientContext
  /** What wants to be a device of the person: with `APPROVE_NEW_DEVICE`, and only then. */
  newDevice?: NewDevice | undefined
  numberMatching?: NumberMatching | undefined
  issuedAt: Timestamp
  expiresAt: Timestamp
  /** Seconds that were left when the server sent this: for a progress bar that does not depend on the phone's clock. */
  timeoutDuration: number
}

const numberMatchingType = open({ type: wordOrNewer('SELECT_NUMBER', 'ENTER_MANUALLY') })
const numberOptions = open({ options: list(u32) })

const numberMatching: Reader<NumberMatching> = (value) => {
  const { type } = numberMatchingType(value)
  return type === 'SELECT_NUMBER' ? { type, options: numberOptions(value).options } : { type }
}

/** From the JSON of an answer, an event or a push. Members that this version does not know are ignored. */
export const readNotification: Reader<Notification> = open({
  notificationId: id,
  deviceId: id,
  userId: id,
  type: wordOrNewer('AUTHENTICATION', 'APPROVE_NEW_DEVICE'),
  title: text,
  body: text,
  clientContext: readClientContext,
  newDevice: maybe(open({ model: maybe(text), os: maybe(text), application: maybe(text) })),
  numberMatching: maybe(numberMatching),
  issuedAt: timestamp,
  expiresAt: timestamp,
  timeoutDuration: integer,
})

export function isExpired({ expiresAt }: Notification, now: Timestamp): boolean {
  return now >= expiresAt
}
