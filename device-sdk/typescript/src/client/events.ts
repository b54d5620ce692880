// The event stream that does not end: opened again when it breaks, each question told once.

import { DeviceError } from '../error.js'
import { Decoder, readEvent, type Event } from '../event_stream.js'
import { unreachable, type Connection } from './connection.js'

/** More questions than a person has open at a time. */
const REMEMBERED = 256
/** However long a server asks to stay away, a person may be waiting. */
const LONGEST_RETRY_AFTER = 60_000

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** Ends after `unpaired`, or when `signal` says so. */
export async function* events(connection: Connection, signal: AbortSignal): AsyncGenerator<Event, void, void> {
  const pauses = new Pauses(connection)
  const seen = new Set<string>()
  while (!signal.aborted) {
    const over = new AbortController()
    const end = () => over.abort()
    signal.addEventListener('abort', end)
    let pause: number
    try {
      for await (const event of stream(connection, over.signal)) {
        if (event.type === 'ready') pauses.reset()
        if (event.type === 'notification' && !isNew(seen, event.notification.notificationId)) continue
        yield event
        if (event.type === 'unpaired') return
      }
      // A server that restarts ends its streams in good order: no trouble until it stays away.
      pause = pauses.next()
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof DeviceError)) throw error
      if (error.refused && error.code === 'DEVICE_UNKNOWN') {
        yield { type: 'unpaired' }
        return
      }
      const asked = Math.min((error.retryAfterSeconds ?? 0) * 1000, LONGEST_RETRY_AFTER)
      // What does not pass by itself (a blocked device) is asked seldom.
      pause = Math.max(error.retryable ? pauses.next() : pauses.longest(), asked)
      yield { type: 'trouble', error }
    } finally {
      signal.removeEventListener('abort', end)
      over.abort()
    }
    await sleep(pause, signal)
  }
}

/** One connection of it. */
async function* stream(connection: Connection, signal: AbortSignal): AsyncGenerator<Event, void, void> {
  const reader = await connection.listen(signal)
  const decoder = new Decoder()
  for (;;) {
    const { done, value } = await readInTime(reader, connection.timing.silence)
    if (done) return
    for (const frame of decoder.push(value)) {
      const event = readEvent(frame)
      if (event) yield event
    }
  }
}

async function readInTime(reader: Reader, silence: number) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silent = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(DeviceError.own('SILENT', 'the server fell silent')), silence)
  })
  try {
    return await Promise.race([reader.read(), silent])
  } catch (error) {
    throw error instanceof DeviceError ? error : unreachable(error)
  } finally {
    clearTimeout(timer)
  }
}

function isNew(seen: Set<string>, notificationId: string): boolean {
  if (seen.has(notificationId)) return false
  seen.add(notificationId)
  // A set remembers the order: the first is the oldest.
  const [oldest] = seen
  if (seen.size > REMEMBERED && oldest !== undefined) seen.delete(oldest)
  return true
}

/**
 * Doubles from the first pause to the longest. Each is shortened by up to half at random, so that the phones of a
 * restarted server do not come back all at once.
 */
class Pauses {
  #next: number

  constructor(private readonly connection: Connection) {
    this.#next = connection.timing.firstPause
  }

  next(): number {
    const pause = this.#next
    this.#next = Math.min(pause * 2, this.connection.timing.longestPause)
    return this.#spread(pause)
  }

  longest(): number {
    this.#next = this.connection.timing.longestPause
    return this.#spread(this.#next)
  }

  /** Only a server that said it is ready is believed to be back. */
  reset(): void {
    this.#next = this.connection.timing.firstPause
  }

  #spread(pause: number): number {
    return pause / 2 + (pause / 2) * this.connection.chance()
  }
}

function sleep(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, millis)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
