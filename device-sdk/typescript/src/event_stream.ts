// `GET /events`: server-sent events [WHATWG HTML §9.2], read as bytes arrive.

import { DeviceError } from './error.js'
import { parse } from './json.js'
import { readCanceled, type Canceled } from './messages.js'
import { readNotification, type Notification } from './notification.js'

/** What the server tells while the app listens. */
export type Event =
  /** The server listens too: from here on nothing is missed. Comes again after each reconnect. */
  | { type: 'ready' }
  | { type: 'notification'; notification: Notification }
  /** The question is no longer open: take it off the screen. */
  | { type: 'canceled'; canceled: Canceled }
  /** The installation is no longer paired. The last event. */
  | { type: 'unpaired' }
  /** Something failed. The stream goes on by itself; an app may want to show that it is offline. */
  | { type: 'trouble'; error: DeviceError }

/** More than any event of a Nod server holds. */
export const MAX_EVENT_LENGTH = 256 * 1024

/** One event as it stood in the stream. */
export interface Frame {
  event: string
  data: string
}

/** Splits the stream into frames. Comments (the keep-alive) and unknown fields vanish here. */
export class Decoder {
  /** It drops the byte order mark that may stand at the beginning, and only there. */
  readonly #text = new TextDecoder()
  #line = ''
  /** The last character was a CR: an LF now belongs to it. */
  #afterCr = false
  #event = ''
  #data: string[] = []

  /** Takes the next bytes and gives the frames that they complete. After an error the stream is of no use. */
  push(bytes: Uint8Array): Frame[] {
    let text = this.#text.decode(bytes, { stream: true })
    if (text === '') return []
    if (this.#afterCr && text.startsWith('\n')) text = text.slice(1)
    this.#afterCr = text === '' ? false : text.endsWith('\r')
    const lines = (this.#line + text).split(/\r\n|\n|\r/)
    this.#line = lines.pop() ?? ''
    const frames = lines.flatMap((line) => this.#end(line) ?? [])
    const held = this.#data.reduce((sum, data) => sum + data.length, this.#line.length)
    if (held > MAX_EVENT_LENGTH) throw DeviceError.answer(200, 'an event is too long')
    return frames
  }

  #end(line: string): Frame | undefined {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    // `id` and `retry` are passed over: what is missed is sent again anyway, and our pauses are our own.
    if (field === 'event') this.#event = value
    if (field === 'data') this.#data.push(value)
    return undefined
  }

  #dispatch(): Frame | undefined {
    const [event, data] = [this.#event, this.#data]
    this.#event = ''
    this.#data = []
    // An event without data is none.
    return data.length > 0 ? { event, data: data.join('\n') } : undefined
  }
}

/** Nothing for events that this version does not know. */
export function readEvent({ event, data }: Frame): Event | undefined {
  const value = (): unknown => parse(new TextEncoder().encode(data))
  try {
    switch (event) {
      case 'ready':
      case 'unpaired':
        return { type: event }
      case 'notification':
        return { type: event, notification: readNotification(value()) }
      case 'canceled':
        return { type: event, canceled: readCanceled(value()) }
      default:
        return undefined
    }
  } catch {
    return { type: 'trouble', error: DeviceError.answer(200, 'an event') }
  }
}
