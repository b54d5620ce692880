// The client: `fetch` around the core.

import { Call } from '../call.js'
import * as decide from '../decide.js'
import { DeviceError } from '../error.js'
import type { Event } from '../event_stream.js'
import type { Expectations, Processed } from '../id_token.js'
import { Issuer } from '../issuer.js'
import type { PublicJwk } from '../jwk.js'
import { WebCryptoKey, publicJwkOf, type DeviceKey } from '../key.js'
import {
  readDecisionAnswer,
  readLogsAnswer,
  readMe,
  readPairedDevice,
  readPairing,
  readPending,
  readRotateAnswer,
  readTestPush,
  type InstallationInfo,
  type Me,
  type PairedDevice,
  type Pairing,
  type PushToken,
} from '../messages.js'
import { readNotification, type Decision, type DenyReason, type NewDeviceChoice, type Notification } from '../notification.js'
import type { PairingKey } from '../pairing_link.js'
import type { PayloadFacts } from '../payload.js'
import { rotationClaims, signRotation } from '../proof.js'
import { id, list, open, text } from '../reading.js'
import type { Timestamp } from '../timestamp.js'
import { Connection, type Options } from './connection.js'
import { events } from './events.js'
import { processOffer, type PairingObject } from './offer.js'

/** What an app stores between two starts, beside the key: that lives in IndexedDB, or wherever it came from. */
export interface PairedState {
  issuer: string
  installationId: string
  users: PairedDevice[]
}

const readState = open({ issuer: text, installationId: id, users: list(readPairedDevice) })

/** One installation in one browser or on one phone, paired with one server, for one or more people. */
export class DeviceClient {
  /** @internal */
  constructor(
    private readonly connection: Connection,
    readonly installationId: string,
    private users: PairedDevice[],
  ) {}

  /**
   * Spends the pairing key. `state` and `key` should be stored at once: the pairing exists on the server now, and its
   * key only here.
   */
  static async pair(
    issuer: Issuer | string,
    pairingKey: PairingKey,
    installation: InstallationInfo,
    options: Options = {},
  ): Promise<{ client: DeviceClient; pairing: Pairing }> {
    const connection = new Connection(asIssuer(issuer), options.key ?? (await WebCryptoKey.generate()), options)
    const pairing = await connection.ask(Call.pair(pairingKey, installation), readPairing)
    const client = new DeviceClient(connection, pairing.installationId, [])
    client.join(pairing)
    return { client, pairing }
  }

  /** From what `state` gave, as it is or from JSON, and the key that belongs to it. Sends nothing. */
  static restore(state: unknown, options: Options & { key: DeviceKey }): DeviceClient {
    const { issuer, installationId, users } = readState(state)
    return new DeviceClient(new Connection(Issuer.parse(issuer), options.key, options), installationId, users)
  }

  /** What to store. It changes with `pairAnother`, `unpair` and an offer that is approved. */
  get state(): PairedState {
    return { issuer: this.connection.issuer.toString(), installationId: this.installationId, users: [...this.users] }
  }

  /** What else to store. It changes with `RotatedKey.activate`. */
  get key(): DeviceKey {
    return this.connection.key
  }

  get issuer(): Issuer {
    return this.connection.issuer
  }

  publicJwk(): Promise<PublicJwk> {
    return publicJwkOf(this.connection.key)
  }

  /** The server's time as well as it is known here: for countdowns against `expiresAt`. */
  now(): Timestamp {
    return this.connection.now()
  }

  /** Another person on this phone: the same installation and key, a new device. */
  async pairAnother(pairingKey: PairingKey, installation: InstallationInfo): Promise<Pairing> {
    const pairing = await this.connection.ask(Call.pair(pairingKey, installation), readPairing)
    this.join(pairing)
    return pairing
  }

  /** @internal One person more, or the same with another name. */
  join({ installationId, deviceId, user }: Pairing): void {
    if (installationId !== this.installationId) throw DeviceError.answer(201, 'another installation')
    this.users = [...this.users.filter((paired) => paired.deviceId !== deviceId), { deviceId, user }]
  }

  /** Open questions to all people of this installation. */
  async pending(): Promise<Notification[]> {
    return (await this.connection.ask(Call.pending(), readPending)).notifications
  }

  async notification(notificationId: string): Promise<Notification> {
    const notification = await this.connection.ask(Call.notification(notificationId), readNotification)
    if (notification.notificationId === notificationId) return notification
    throw DeviceError.answer(200, 'another notification')
  }

  /**
   * Yes, to exactly what `notification` says. `number` when it asks for one; `amr` is how the phone knew the person
   * [RFC 8176]. When the server's answer got lost, the same can be said again while the question lasts; so can a no.
   */
  async approve(notification: Notification, number?: number, amr: readonly string[] = []): Promise<void> {
    const call = await decide.approve(notification, this.installationId, number, amr, this.now())
    await this.#decide(call, 'APPROVED')
  }

  /** What becomes of a new device, where `notification` asks for that. What else is said is for a yes. */
  async choose(notification: Notification, choice: NewDeviceChoice, number?: number, amr: readonly string[] = []): Promise<void> {
    const call = await decide.choose(notification, this.installationId, choice, number, amr, this.now())
    await this.#decide(call, choice === 'TRUSTED' || choice === 'ONCE' ? 'APPROVED' : 'DENIED')
  }

  async deny(notification: Notification, reason: DenyReason = 'NONE'): Promise<void> {
    await this.#decide(await decide.deny(notification, this.installationId, reason), 'DENIED')
  }

  async #decide(call: Call, expected: Decision): Promise<void> {
    const { status } = await this.connection.ask(call, readDecisionAnswer)
    if (status !== expected) throw DeviceError.answer(200, 'the opposite decision')
  }

  /** Questions as they come, and what becomes of them. It connects, and connects again, until `signal` aborts. */
  events(signal: AbortSignal = new AbortController().signal): AsyncGenerator<Event, void, void> {
    return events(this.connection, signal)
  }

  me(): Promise<Me> {
    return this.connection.ask(Call.me(), readMe)
  }

  /** For one sign-in: as its parameter `mobilePayload`, or in a step of the flow API. Good for two minutes. */
  generateMobilePayload(facts: PayloadFacts): Promise<string> {
    return this.connection.mobilePayload(facts, this.installationId)
  }

  /** The same, which nobody but the server can read: in a URL it has to be so. */
  generateEncryptedMobilePayload(facts: PayloadFacts): Promise<string> {
    return this.connection.encryptedPayload(facts, this.installationId)
  }

  /** What an ID token means for this phone. To be asked after each sign-in that carried a payload. */
  processIdToken(idToken: string, expected: Expectations): Promise<Processed<PairingObject>> {
    return processOffer(this.connection, this, idToken, expected)
  }

  /**
   * Agrees with the server on a new key. The old one stays in use, and valid, until `activate`: store the new one
   * between the two, and no crash loses the pairing.
   */
  async rotateKey(newKey?: DeviceKey): Promise<RotatedKey> {
    const { connection, installationId } = this
    const key = newKey ?? (await WebCryptoKey.generate())
    const newJwk = await publicJwkOf(key)
    const answer = await connection.askFor(async (fresh) => {
      const claims = rotationClaims(connection.issuer.toString(), installationId, fresh())
      return Call.rotate({ newJwk, proofByNew: await signRotation(claims, key) })
    }, readRotateAnswer)
    if (answer.installationId !== installationId) throw DeviceError.answer(200, 'another installation')
    return { key, activate: () => void (connection.key = key) }
  }

  /**
   * Where a push reaches this app from now on: whenever it starts, and whenever its platform gives it another token. Of a
   * browser, `webPushToken(subscription)`.
   */
  async setPushToken(token: PushToken): Promise<void> {
    await this.connection.tell(Call.setPushToken(token))
  }

  /** No push reaches this app any more. It still finds questions when it asks, or listens. */
  async removePushToken(): Promise<void> {
    await this.connection.tell(Call.removePushToken())
  }

  /**
   * Whether this app rings: what its person wants. Where it does not, it still finds questions when it asks, or listens, and
   * is not the first to be asked where there is another way. The token stays handed in.
   */
  async allowPushNotifications(allowed: boolean): Promise<void> {
    await this.connection.tell(Call.allowPushNotifications(allowed))
  }

  /** Has a push sent that asks nothing. `false`: no push service reaches this installation, or it is not to ring. */
  async testRemoteNotification(): Promise<boolean> {
    return (await this.connection.ask(Call.testPush(), readTestPush)).sent
  }

  /**
   * Sends what the app has noted down, 16384 bytes at most, to whoever helps its person. What comes back is to be shown to
   * them: they read it out.
   */
  async sendLogs(log: string): Promise<string> {
    return (await this.connection.ask(Call.sendLogs(log), readLogsAnswer)).supportId
  }

  /** Takes one person off this phone. */
  async unpairDevice(deviceId: string): Promise<void> {
    await this.connection.tell(Call.unpair(deviceId))
    this.users = this.users.filter((paired) => paired.deviceId !== deviceId)
  }

  /**
   * Takes everybody off this phone. Can be called again when it failed half-way; a server that does not know this
   * installation (any more) is fine with it.
   */
  async unpair(): Promise<void> {
    for (const { deviceId } of this.users) {
      try {
        await this.unpairDevice(deviceId)
      } catch (error) {
        if (!(error instanceof DeviceError && error.refused && error.code === 'DEVICE_UNKNOWN')) throw error
        this.users = []
        return
      }
    }
  }
}

/** A key that the server accepts and the client does not use yet. */
export interface RotatedKey {
  /** What to store before `activate`. */
  key: DeviceKey
  /** From now on the client signs with the new key; its first use ends the old one. */
  activate(): void
}

/** @internal */
export function asIssuer(issuer: Issuer | string): Issuer {
  return typeof issuer === 'string' ? Issuer.parse(issuer) : issuer
}
