// Codes and numbers, as the crate has them.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { DeviceError } from 'nod-device'

test('errors have the numbers of the table that the crate has', async () => {
  const table = await readFile(new URL('../../src/error.rs', import.meta.url), 'utf8')
  let seen = 0
  for (const [, number, cell] of table.matchAll(/^\/\/! \| (10\d{3}) [^|]*\|([^\n]*)\|$/gm)) {
    for (const [, code] of cell.matchAll(/`([A-Z_]+)`/g)) {
      assert.equal(DeviceError.refusal(code, 400).number, Number(number), code)
      seen += 1
    }
  }
  assert.ok(seen > 25, `${seen} codes`)
})

test('what has no number of its own is the server’s word, or ours', () => {
  assert.equal(DeviceError.refusal('SOMETHING_NEW', 418).number, 10003)
  assert.equal(DeviceError.own('NUMBER_REQUIRED', 'a number is needed').number, 10000)
})
