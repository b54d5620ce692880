// Server-sent events: split as bytes arrive, read as far as they are known, opened again when they end.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Decoder, DeviceClient, MAX_EVENT_LENGTH, WebCryptoKey, readEvent } from 'nod-device'
import { bytes, QUESTION } from './vectors.mjs'

const STREAM = '\ufeff: hello\r\nevent: ready\ndata: {}\r\r\nid: 7\nretry: 1\ndata:one\ndata: two €\n\nevent: nothing\n\ndata: cut'
const FRAMES = [
  { event: 'ready', data: '{}' },
  { event: '', data: 'one\ntwo €' },
]

describe('a stream', () => {
  test('is the same in one piece and in many', () => {
    const all = bytes(STREAM)
    assert.deepEqual(new Decoder().push(all), FRAMES)
    for (let size = 1; size <= 7; size += 1) {
      const decoder = new Decoder()
      const frames = []
      for (let at = 0; at < all.length; at += size) frames.push(...decoder.push(all.subarray(at, at + size)))
      assert.deepEqual(frames, FRAMES, `${size} at a time`)
    }
  })

  test('has no event without end', () => {
    const decoder = new Decoder()
    decoder.push(bytes('A'.repeat(MAX_EVENT_LENGTH)))
    assert.throws(() => decoder.push(bytes('A')), { code: 'ANSWER_INVALID' })
    const lines = new Decoder()
    assert.throws(() => {
      for (let line = 0; line < MAX_EVENT_LENGTH; line += 1000) lines.push(bytes(`data: ${'A'.repeat(1100)}\n`))
    }, { code: 'ANSWER_INVALID' })
  })

  test('has events that this version does not know', () => {
    assert.equal(readEvent({ event: 'weather', data: '{}' }), undefined)
    const canceled = { notificationId: QUESTION.notificationId, reason: 'SUNSET' }
    assert.equal(readEvent({ event: 'canceled', data: JSON.stringify(canceled) }).canceled.reason, 'UNKNOWN')
    assert.equal(readEvent({ event: 'notification', data: '{}' }).error.code, 'ANSWER_INVALID')
  })
})

test('a stream that ends, breaks and falls silent is opened again, and tells each question once', async () => {
  const ready = 'event: ready\ndata: {}\n\n'
  const question = `event: notification\ndata: ${JSON.stringify(QUESTION)}\n\n`
  const type = { 'Content-Type': 'text/event-stream' }
  const held = new ReadableStream({ start: (controller) => controller.enqueue(bytes(ready + question)) })
  const answers = [
    () => new Response(ready + question, { headers: type }),
    () => Promise.reject(new TypeError('no network')),
    () => new Response(held, { headers: type }),
    () => new Response(`${ready}${question}event: unpaired\ndata: {}\n\n`, { headers: type }),
  ]
  const device = DeviceClient.restore(
    { issuer: 'https://id.example', installationId: QUESTION.deviceId, users: [] },
    { key: await WebCryptoKey.generate(), fetch: async () => answers.shift()(), timing: { silence: 50, firstPause: 1, longestPause: 2 } },
  )
  const told = []
  for await (const event of device.events()) told.push(event.error?.code ?? event.type)
  const expected = ['ready', 'notification', 'UNREACHABLE', 'ready', 'SILENT', 'ready', 'unpaired']
  assert.deepEqual(told, expected)
})
