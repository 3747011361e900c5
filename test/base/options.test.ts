import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkInteger, checkOneOf, show } from '#sluice/base/options.js'

test('whole numbers within their limits pass, all else is refused with the limits', () => {
  assert.equal(checkInteger('slots', 3, { min: 1, max: 8 }), 3)
  for (const wrong of [0, 9, 1.5, Number.NaN, '3', null, undefined, 2 ** 60, -0.5]) {
    assert.throws(() => checkInteger('slots', wrong, { min: 1, max: 8 }), {
      code: 'ERR_SLUICE_OPTION',
      message: /slots must be a whole number, 1 to 8, not /,
    })
  }
  assert.throws(() => checkInteger('start', -1, { min: 0 }), /0 or more, not -1/)
})

test('one of a few words passes, all else is refused with the words', () => {
  assert.equal(checkOneOf('engine', 'poll', ['auto', 'poll']), 'poll')
  assert.throws(
    () => checkOneOf('engine', 'fast', ['auto', 'poll']),
    /engine must be one of auto, poll, not "fast"/,
  )
})

test('values are shown short and printable', () => {
  assert.equal(show('a\nb'), '"a\\nb"')
  assert.ok(show('x'.repeat(500)).length < 100)
  assert.equal(show(5n), '5n')
  assert.equal(show({}), 'a value of type object')
})
