// From a question and the person's answer to the call that delivers the decision.

import { Call } from './call.js'
import { contextHash } from './context.js'
import { DeviceError } from './error.js'
import { isExpired, type DenyReason, type Notification, type NumberMatching } from './notification.js'
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
  if (notification.type !== 'AUTHENTICATION') throw notUnderstood()
  if (isExpired(notification, now)) throw DeviceError.own('EXPIRED', 'the request has expired')
  const numberPicked = picked(notification.numberMatching, number)
  const { deviceId, userId, notificationId } = notification
  const said = { deviceId, userId, notificationId, contextHash: await contextHash(notification), numberPicked, amr: [...amr] }
  const body = { deviceId, userId, amr: said.amr, numberPicked, contextHash: said.contextHash }
  return Call.decision({ purpose: 'approve', installationId, ...said }, body)
}

/** No. Always possible: whether the request still stands is for the server to say. */
export async function deny(notification: Notification, installationId: string, reason: DenyReason): Promise<Call> {
  const { deviceId, userId, notificationId } = notification
  const said = { deviceId, userId, notificationId, contextHash: await contextHash(notification), reason }
  return Call.decision({ purpose: 'deny', installationId, ...said }, { deviceId, userId, reason })
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
