// Bodies of requests and answers of the device API.

import type { PublicJwk } from './jwk.js'
import { readNotification, type DenyReason, type NewDeviceChoice } from './notification.js'
import { flag, id, list, maybe, open, text, word, wordOrNewer } from './reading.js'
import { timestamp } from './timestamp.js'

/** What the app says about itself and the phone: shown to people who manage devices, believed by nobody. */
export interface InstallationInfo {
  /** For example `ANDROID`, `IOS`, `WEB`. */
  platform: string
  name?: string | undefined
  model?: string | undefined
  osVersion?: string | undefined
  appVersion?: string | undefined
  sdkVersion?: string | undefined
  application?: string | undefined
}

/** In the order of the wire. */
export function installation({ platform, name, model, osVersion, appVersion, sdkVersion, application }: InstallationInfo): InstallationInfo {
  return { platform, name, model, osVersion, appVersion, sdkVersion, application }
}

/** Where a push reaches this installation. Whoever has the token and the app's credentials can write to this phone. */
export interface PushToken {
  /** `FCM`, `APNS`, `WEB_PUSH`. */
  provider: string
  /** `production` or `sandbox`. */
  environment: string
  token: string
}

/** `POST /enrollments/{ticket}/approve` */
export interface ApproveEnrollmentRequest {
  installation: InstallationInfo
  pushToken?: PushToken | undefined
}

/** `POST /notifications/{id}/approve`. The proof is what counts; the server refuses a body that differs from it. */
export interface ApproveRequest {
  deviceId: string
  userId: string
  amr: string[]
  numberPicked: number | undefined
  /** What becomes of a new device. With that question, and only then. */
  choice?: NewDeviceChoice | undefined
  contextHash: string
}

/** `POST /notifications/{id}/deny` */
export interface DenyRequest {
  deviceId: string
  userId: string
  reason: DenyReason
  /** The same. */
  choice?: NewDeviceChoice | undefined
}

/** `POST /keys/rotate` */
export interface RotateRequest {
  newJwk: PublicJwk
  /** A compact JWS by the new key: nobody can move an installation to a key that they do not hold. */
  proofByNew: string
}

const readUser = open({ userId: id, username: text, name: maybe(text) })
const readAuthenticator = open({ type: text, status: text, errorCode: maybe(text) })

/** 201 to `POST /pairings`, and to the approval of an enrollment */
export const readPairing = open({
  deviceId: id,
  installationId: id,
  user: readUser,
  authenticators: maybe(list(readAuthenticator)),
  /** For `oneTimePasscode`: to be kept where secrets are. */
  oneTimePasscodeKey: maybe(text),
})
export type Pairing = ReturnType<typeof readPairing>

/** What an app stores of each person on this installation. */
export const readPairedDevice = open({ deviceId: id, user: readUser })
export type PairedDevice = ReturnType<typeof readPairedDevice>

/** 200 to `GET /enrollments/{ticket}`: what the person is asked. */
export const readEnrollment = open({
  user: open({ id, display: text }),
  application: open({ id: text, name: text }),
  expiresAt: timestamp,
})
export type Enrollment = ReturnType<typeof readEnrollment>

/** 200 to `GET /notifications/pending` */
export const readPending = open({ notifications: list(readNotification) })

/** 200 to `POST /test-push` */
export const readTestPush = open({ sent: flag })

/** 200 to `POST /logs` */
export const readLogsAnswer = open({ supportId: text })

/** 200 to both decisions */
export const readDecisionAnswer = open({ status: word('APPROVED', 'DENIED') })

/** Data of the event `canceled` */
export const readCanceled = open({
  notificationId: id,
  reason: wordOrNewer('ALREADY_DECIDED', 'CANCELED', 'EXPIRED'),
})
export type Canceled = ReturnType<typeof readCanceled>

/** 200 to `GET /me` */
export const readMe = open({
  installationId: id,
  issuer: text,
  time: timestamp,
  users: list(
    open({
      userId: id,
      username: text,
      name: maybe(text),
      deviceId: id,
      nickname: maybe(text),
      role: wordOrNewer('PRIMARY', 'TRUSTED'),
      status: wordOrNewer('ACTIVE', 'BLOCKED'),
    }),
  ),
})
export type Me = ReturnType<typeof readMe>

/** 200 to `POST /keys/rotate` */
export const readRotateAnswer = open({ installationId: id })
