// One-time passcodes [RFC 6238]: where no push reaches the phone, the person types what the app shows.

import { decode } from './base64url.js'
import { seconds, type Timestamp } from './timestamp.js'

/** How long one is shown, in seconds. */
const STEP = 30
const KEY_BYTES = 20

/** What the app shows: six digits, others every 30 seconds. `key` is `oneTimePasscodeKey` of the pairing. */
export async function oneTimePasscode(key: string, now: Timestamp): Promise<string> {
  const bytes = decode(key)
  if (bytes?.length !== KEY_BYTES) throw new TypeError('not the key of one-time passcodes')
  const step = new DataView(new ArrayBuffer(8))
  step.setBigInt64(0, BigInt(Math.floor(seconds(now) / STEP)))
  const hmac = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign'])
  const mac = new DataView(await crypto.subtle.sign('HMAC', hmac, step))
  // [RFC 4226 §5.3]
  const at = mac.getUint8(mac.byteLength - 1) & 0x0f
  return String((mac.getUint32(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
