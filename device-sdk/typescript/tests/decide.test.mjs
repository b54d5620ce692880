// What a device refuses to sign, as the server would refuse it.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, parseTimestamp, readNotification } from 'nod-device'
import { QUESTION } from './vectors.mjs'

const INSTALLATION = '0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233'
const now = parseTimestamp('2026-03-01T12:01:59.999Z')
const pick = { type: 'SELECT_NUMBER', options: [12, 47, 83] }
const type = { type: 'ENTER_MANUALLY' }
const approve = (more, number, at = now) =>
  decide.approve(readNotification({ ...QUESTION, ...more }), INSTALLATION, number, ['fpt'], at)

describe('an approval', () => {
  test('says what was picked or typed, and nothing where nothing was asked', async () => {
    assert.equal((await approve({})).statement.numberPicked, undefined)
    assert.equal((await approve({ numberMatching: pick }, 47)).statement.numberPicked, 47)
    assert.equal((await approve({ numberMatching: type }, 0)).statement.numberPicked, 0)
  })

  const refused = [
    ['after the end', {}, undefined, 'EXPIRED', parseTimestamp('2026-03-01T12:02:00Z')],
    ['without a number to pick', { numberMatching: pick }, undefined, 'NUMBER_REQUIRED'],
    ['without a number to type', { numberMatching: type }, undefined, 'NUMBER_REQUIRED'],
    ['with something typed that is no number', { numberMatching: type }, Number('4x'), 'NUMBER_REQUIRED'],
    ['with a number that was not offered', { numberMatching: pick }, 48, 'NUMBER_NOT_OFFERED'],
    ['with a number that nobody asked for', {}, 47, 'NUMBER_NOT_ASKED'],
    ['of a new device without a choice', { type: 'APPROVE_NEW_DEVICE' }, undefined, 'CHOICE_REQUIRED'],
    ['of a kind that is not known yet', { type: 'PAYMENT' }, undefined, 'APP_OUTDATED'],
    ['of a number that is asked in a new way', { numberMatching: { type: 'SING_IT' } }, 47, 'APP_OUTDATED'],
  ]
  for (const [name, more, number, code, at] of refused) {
    test(`is not made ${name}`, () => assert.rejects(approve(more, number, at), { code, retryable: false, refused: false }))
  }
})

test('what becomes of a new device is said where it is asked, and nowhere else', async () => {
  const choose = (more, choice) =>
    decide.choose(readNotification({ ...QUESTION, ...more }), INSTALLATION, choice, undefined, ['fpt'], now)
  const asked = { type: 'APPROVE_NEW_DEVICE', newDevice: { model: 'Phone 7' } }
  for (const [choice, purpose] of [['TRUSTED', 'approve'], ['ONCE', 'approve'], ['DENY', 'deny'], ['BLOCK', 'deny']]) {
    const { statement } = await choose(asked, choice)
    assert.deepEqual([statement.purpose, statement.choice], [purpose, choice])
    await assert.rejects(choose({}, choice), { code: 'CHOICE_NOT_ASKED' })
    await assert.rejects(choose({ type: 'PAYMENT' }, choice), { code: 'APP_OUTDATED' })
  }
})

test('a denial is always possible', async () => {
  for (const more of [{}, { type: 'PAYMENT' }, { numberMatching: { type: 'SING_IT' } }, { expiresAt: QUESTION.issuedAt }]) {
    const call = await decide.deny(readNotification({ ...QUESTION, ...more }), INSTALLATION, 'REPORT_FRAUD')
    assert.equal(call.statement.reason, 'REPORT_FRAUD')
  }
})
