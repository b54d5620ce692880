// From a question and the person's answer to the call that delivers the decision.

import { Call } from './call.js'
import { contextHash } from './context.js'
import { DeviceError } from './error.js'
import { isExpired, type DenyReason, type NewDeviceChoice, type Notification, type NumberMatching } from './notification.js'
import { isU32 } from './reading.js'
import type { Timestamp } from './timestamp.js'

/**
 * Yes. `number` is what the person picked or typed, `amr` how the phone knew them [RFC 8176]. The device refuses what
 * the server would refuse as well: a wrong number would deny the request for good, and the person should get to see
 * why instead.
 */
export async function approve(
  notification: Notification,
  installationId: string,
  number: number | undefined,
  amr: readonly string[],
  now: Timestamp,
): Promise<Call> {
  if (notification.type === 'APPROVE_NEW_DEVICE') {
    throw DeviceError.own('CHOICE_REQUIRED', 'the request asks what becomes of a new device')
  }
  return yes(notification, installationId, number, undefined, amr, now)
}

/** What becomes of a new device. What else is said is for a yes, as with `approve`. */
export async function choose(
  notification: Notification,
  installationId: string,
  choice: NewDeviceChoice,
  number: number | undefined,
  amr: readonly string[],
  now: Timestamp,
): Promise<Call> {
  if (notification.type === 'AUTHENTICATION') {
    throw DeviceError.own('CHOICE_NOT_ASKED', 'the request is about no new device')
  }
  if (choice === 'TRUSTED' || choice === 'ONCE') return yes(notification, installationId, number, choice, amr, now)
  if (notification.type === 'UNKNOWN') throw notUnderstood()
  return no(notification, installationId, 'NONE', choice)
}

async function yes(
  notification: Notification,
  installationId: string,
  number: number | undefined,
  choice: NewDeviceChoice | undefined,
  amr: readonly string[],
  now: Timestamp,
): Promise<Call> {
  if (notification.type === 'UNKNOWN') throw notUnderstood()
  if (isExpired(notification, now)) throw DeviceError.own('EXPIRED', 'the request has expired')
  const numberPicked = picked(notification.numberMatching, number)
  const { deviceId, userId, notificationId } = notification
  const hash = await contextHash(notification)
  const said = { deviceId, userId, notificationId, contextHash: hash, numberPicked, amr: [...amr], choice }
  const body = { deviceId, userId, amr: said.amr, numberPicked, choice, contextHash: hash }
  return Call.decision({ purpose: 'approve', installationId, ...said }, body)
}

/** No. Always possible: whether the request still stands is for the server to say. */
export function deny(notification: Notification, installationId: string, reason: DenyReason): Promise<Call> {
  return no(notification, installationId, reason, undefined)
}

async function no(
  notification: Notification,
  installationId: string,
  reason: DenyReason,
  choice: NewDeviceChoice | undefined,
): Promise<Call> {
  const { deviceId, userId, notificationId } = notification
  const said = { deviceId, userId, notificationId, contextHash: await contextHash(notification), reason, choice }
  return Call.decision({ purpose: 'deny', installationId, ...said }, { deviceId, userId, reason, choice })
}

function picked(matching: NumberMatching | undefined, number: number | undefined): number | undefined {
  if (matching === undefined) {
    if (number === undefined) return undefined
    throw DeviceError.own('NUMBER_NOT_ASKED', 'the request asks for no number')
  }
  if (matching.type === 'UNKNOWN') throw notUnderstood()
  // What is typed may be no number at all.
  if (number === undefined || !isU32(number)) throw DeviceError.own('NUMBER_REQUIRED', 'the request asks for a number')
  if (matching.type === 'SELECT_NUMBER' && !matching.options.includes(number)) {
    throw DeviceError.own('NUMBER_NOT_OFFERED', 'the number is not one of those offered')
  }
  return number
}

/** Update the app; denying is possible. */
function notUnderstood(): DeviceError {
  return DeviceError.own('APP_OUTDATED', 'this version cannot show the request as it is meant')
}
