// What a push says: that there is something to look at, or no more. It names nobody, and proves nothing: anybody may have
// sent it. Whoever gets one asks the server.

import type { PushToken } from './messages.js'
import { id, open, text } from './reading.js'

/** The text of a Web Push, the data of a message of FCM, the member `nod` of one of APNs. */
export interface PushMessage {
  type:
    /** There is a question: fetch it. */
    | 'AUTHENTICATION'
    /** It was answered elsewhere, or withdrawn: show it no more. */
    | 'AUTH_CANCELED'
    /** Somebody looks whether pushes get there: nothing is asked. */
    | 'TEST'
    /** Of a newer server: leave it alone. */
    | 'OTHER'
  notificationId: string
}

const message = open({ type: text, notificationId: id })
const around = open({ nod: message })

/**
 * Reads what a platform handed over: the `data.json()` of a service worker's `PushEvent`, or its text. Nothing when it is
 * not ours.
 */
export function readPush(data: unknown): PushMessage | undefined {
  for (const read of [message, (value: unknown) => around(value).nod]) {
    try {
      const { type, notificationId } = read(typeof data === 'string' ? JSON.parse(data) : data)
      const known = type === 'AUTHENTICATION' || type === 'AUTH_CANCELED' || type === 'TEST'
      return { type: known ? type : 'OTHER', notificationId }
    } catch {
      // The other form, or none.
    }
  }
  return undefined
}

/** Of `registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })`. */
export function webPushToken(subscription: { toJSON(): unknown }): PushToken {
  return { provider: 'WEB_PUSH', environment: 'production', token: JSON.stringify(subscription.toJSON()) }
}
