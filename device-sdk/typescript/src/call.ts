// Each call of the device API as data: method, path, body, and what its proof states. Whoever moves the bytes adds
// `Freshness`.

import type { Bytes } from './base64url.js'
import { digest } from './digest.js'
import type { EnrollmentTicket } from './enrollment.js'
import type { Issuer } from './issuer.js'
import { write } from './json.js'
import type { DeviceKey } from './key.js'
import {
  installation,
  type ApproveEnrollmentRequest,
  type ApproveRequest,
  type DenyRequest,
  type InstallationInfo,
  type PushToken,
  type RotateRequest,
} from './messages.js'
import type { Decision } from './notification.js'
import type { PairingKey } from './pairing_link.js'
import { jtiText, signProof, type Approval, type Denial, type Freshness, type Method, type ProofClaims, type Statement } from './proof.js'
import { id } from './reading.js'

const PUSH_TOKEN = '/push-token'

/** In the order of the wire. */
const ordered = ({ provider, environment, token }: PushToken): PushToken => ({ provider, environment, token })

/** A call that was not sent yet. It can be sent again: every sending gets a proof of its own. */
export class Call {
  private constructor(
    readonly method: Method,
    private readonly path: string,
    readonly statement: Statement,
    /** JSON, to be sent with `Content-Type: application/json`. */
    readonly body?: Bytes,
  ) {}

  static pair(pairingKey: PairingKey, info: InstallationInfo): Call {
    return Call.#post('/pairings', { purpose: 'pairing' }, { pairingKey: pairingKey.expose(), installation: installation(info) })
  }

  /** Who is asked, by what application, until when. */
  static enrollment(ticket: EnrollmentTicket): Call {
    return Call.#get(`/enrollments/${ticket.expose()}`)
  }

  static approveEnrollment(ticket: EnrollmentTicket, { installation: info, pushToken }: ApproveEnrollmentRequest): Call {
    const body = { installation: installation(info), pushToken: pushToken && ordered(pushToken) }
    return Call.#answer(ticket, 'APPROVED', 'approve', body)
  }

  static denyEnrollment(ticket: EnrollmentTicket): Call {
    return Call.#answer(ticket, 'DENIED', 'deny', {})
  }

  static #answer(ticket: EnrollmentTicket, decision: Decision, verb: string, body: object): Call {
    return Call.#post(`/enrollments/${ticket.expose()}/${verb}`, { purpose: 'enrollment', ticket, decision }, body)
  }

  static pending(): Call {
    return Call.#get('/notifications/pending')
  }

  /** Throws `Unreadable` for what is no identifier: it would lead elsewhere. */
  static notification(notificationId: string): Call {
    return Call.#get(`/notifications/${id(notificationId)}`)
  }

  static events(): Call {
    return Call.#get('/events')
  }

  static me(): Call {
    return Call.#get('/me')
  }

  static rotate({ newJwk: { kty, crv, x, y }, proofByNew }: RotateRequest): Call {
    return Call.#post('/keys/rotate', { purpose: 'rotate' }, { newJwk: { kty, crv, x, y }, proofByNew })
  }

  static unpair(deviceId: string): Call {
    return new Call('DELETE', `/devices/${id(deviceId)}`, { purpose: 'unpair' })
  }

  /** Where a push reaches this installation from now on. */
  static setPushToken(token: PushToken): Call {
    return new Call('PUT', PUSH_TOKEN, { purpose: 'push' }, write(ordered(token)))
  }

  /** No push reaches it any more. */
  static removePushToken(): Call {
    return new Call('DELETE', PUSH_TOKEN, { purpose: 'push' })
  }

  /** Whether a push may reach it: what the person wants. */
  static allowPushNotifications(enabled: boolean): Call {
    return new Call('PUT', '/push-enabled', { purpose: 'push' }, write({ enabled }))
  }

  /** A push that asks nothing, to see that one arrives. */
  static testPush(): Call {
    return new Call('POST', '/test-push', { purpose: 'push' }, write({}))
  }

  /** What the app has noted down, for whoever helps its person. */
  static sendLogs(log: string): Call {
    return new Call('POST', '/logs', { purpose: 'logs' }, write({ log }))
  }

  static #get(path: string): Call {
    return new Call('GET', path, { purpose: 'read' })
  }

  /** Decisions are made in `decide`, which knows when there is none to make. */
  static decision(statement: Approval | Denial, body: ApproveRequest | DenyRequest): Call {
    return Call.#post(`/notifications/${id(statement.notificationId)}/${statement.purpose}`, statement, body)
  }

  static #post(path: string, statement: Statement, body: object): Call {
    return new Call('POST', path, statement, write(body))
  }

  url(issuer: Issuer): string {
    return issuer.deviceUrl(this.path)
  }

  async claims(issuer: Issuer, fresh: Freshness): Promise<ProofClaims> {
    return {
      statement: this.statement,
      htm: this.method,
      htu: this.url(issuer),
      aud: issuer.toString(),
      iat: fresh.iat,
      jti: jtiText(fresh),
      nonce: fresh.nonce,
      bd: this.body && (await digest(this.body)),
    }
  }

  /** The value of the header `Device-Proof`. */
  async prove(issuer: Issuer, key: DeviceKey, fresh: Freshness): Promise<string> {
    return signProof(await this.claims(issuer, fresh), key)
  }
}
