// Automatic enrollment: the sign-in carries a mobile payload, the ID token comes back with an offer, the person says
// yes or no.

import { Call } from '../call.js'
import type { EnrollmentTicket } from '../enrollment.js'
import type { Expectations, Processed } from '../id_token.js'
import type { Issuer } from '../issuer.js'
import { WebCryptoKey, type DeviceKey } from '../key.js'
import { readEnrollment, readPairing, type Enrollment, type InstallationInfo, type Pairing, type PushToken } from '../messages.js'
import type { PayloadFacts } from '../payload.js'
import { DeviceClient, asIssuer } from './client.js'
import { Connection, type Options } from './connection.js'

/** An installation that is nobody's device yet: a key and a server to show it to. */
export class UnpairedClient {
  private constructor(private readonly connection: Connection) {}

  /** Sends nothing. `key` should be stored before the browser leaves the page; then it comes back in `options`. */
  static async create(issuer: Issuer | string, options: Options = {}): Promise<UnpairedClient> {
    return new UnpairedClient(new Connection(asIssuer(issuer), options.key ?? (await WebCryptoKey.generate()), options))
  }

  get key(): DeviceKey {
    return this.connection.key
  }

  /** See `DeviceClient.generateMobilePayload`. */
  generateMobilePayload(facts: PayloadFacts): Promise<string> {
    return this.connection.mobilePayload(facts)
  }

  /** See `DeviceClient.generateEncryptedMobilePayload`. */
  generateEncryptedMobilePayload(facts: PayloadFacts): Promise<string> {
    return this.connection.encryptedPayload(facts)
  }

  /** See `DeviceClient.processIdToken`. */
  processIdToken(idToken: string, expected: Expectations): Promise<Processed<PairingObject>> {
    return processOffer(this.connection, undefined, idToken, expected)
  }
}

/** @internal The token is checked against the issuer's keys, and an offer against the server. */
export async function processOffer(
  connection: Connection,
  paired: DeviceClient | undefined,
  idToken: string,
  expected: Expectations,
): Promise<Processed<PairingObject>> {
  const said = await connection.keys.process(connection, idToken, expected)
  if (said.result !== 'offer') return said
  const { ticket } = said.offer
  // The server knows whether the ticket is this key's, and what to show to the person.
  const enrollment = await connection.ask(Call.enrollment(ticket), readEnrollment)
  return { result: 'offer', offer: new PairingObject(connection, paired, ticket, enrollment) }
}

/** The offer to make this phone a device of the person who signed in. Dropped, it changes nothing. */
export class PairingObject {
  /** @internal */
  constructor(
    private readonly connection: Connection,
    /** Where this installation serves somebody else already. */
    private readonly paired: DeviceClient | undefined,
    private readonly ticket: EnrollmentTicket,
    /** Who would be asked on this phone, and the app that they signed in to: to be shown. */
    readonly enrollment: Enrollment,
  ) {}

  /**
   * Yes. What comes back should be stored at once. A client that was paired before comes back itself, with one person
   * more.
   */
  async approve(installation: InstallationInfo, pushToken?: PushToken): Promise<{ client: DeviceClient; pairing: Pairing }> {
    const call = Call.approveEnrollment(this.ticket, { installation, pushToken })
    const pairing = await this.connection.ask(call, readPairing)
    const client = this.paired ?? new DeviceClient(this.connection, pairing.installationId, [])
    client.join(pairing)
    return { client, pairing }
  }

  /** No. The person stays signed in. */
  deny(): Promise<void> {
    return this.connection.tell(Call.denyEnrollment(this.ticket))
  }
}
