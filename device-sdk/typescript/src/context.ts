// What a person saw, as one number.
//
// A decision names the hash of the text that was on the screen. The server computes the same hash from what it stored,
// never from what the device sent: a yes to one text is no yes to another. Text is hashed as it is: no Unicode
// normalization, no trimming.

import { digestText, type Digest } from './digest.js'
import { canonicalJson } from './jcs.js'
import type { NewDevice } from './notification.js'
import { maybe, open, text, type Reader } from './reading.js'

/** Who asks and for what. Every member is shown to the person or can be looked at by them. */
export interface ClientContext {
  clientId: string
  clientName: string
  /** [CIBA §7.1] what the person can compare with the screen of the consumption device. */
  bindingMessage?: string | undefined
  /** Space-separated [RFC 6749 §3.3]. */
  scope: string
  acr?: string | undefined
}

export const readClientContext: Reader<ClientContext> = open({
  clientId: text,
  clientName: text,
  bindingMessage: maybe(text),
  scope: text,
  acr: maybe(text),
})

/** All that was shown for one question. */
export interface Shown {
  title: string
  body: string
  clientContext: ClientContext
  newDevice?: NewDevice | undefined
  notificationId: string
}

/** The text that is hashed. A member that this version does not know was shown to nobody, and is left out. */
export function canonicalShown({ title, body, clientContext, newDevice, notificationId }: Shown): string {
  const { clientId, clientName, bindingMessage, scope, acr } = clientContext
  const { model, os, application } = newDevice ?? {}
  const shown = { title, body, clientContext: { clientId, clientName, bindingMessage, scope, acr }, notificationId }
  return canonicalJson({ ...shown, newDevice: newDevice && { model, os, application } })
}

export function contextHash(shown: Shown): Promise<Digest> {
  return digestText(canonicalShown(shown))
}
