import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration, showDuration } from '#sluice/cli/parse-duration.js'

const read: [string, number][] = [
  ['0', 0],
  ['250', 250],
  ['250ms', 250],
  ['1.5s', 1500],
  ['0.0004s', 0],
  ['10m', 600_000],
  ['24h', 86_400_000],
  ['2147483647', 2 ** 31 - 1],
]
for (const [text, ms] of read) {
  test(`${text} is ${ms} ms`, () => {
    assert.equal(parseDuration('--grace', text), ms)
  })
}

test('what is no time is refused', () => {
  for (const text of ['', 's', '5 s', '-5s', '5d', '5S', '1e3', '.5s', '5s5', '597h', 'Infinity']) {
    assert.throws(() => parseDuration('--grace', text), {
      code: 'ERR_SLUICE_OPTION',
      message: /^--grace must be a time of at most 24 days, such as 250ms, 5s, 10m or 1h, not "/,
    })
  }
})

test('times are shown in the largest unit that is whole', () => {
  for (const [ms, text] of [
    [0, '0'],
    [1, '1ms'],
    [1500, '1500ms'],
    [5000, '5s'],
    [600_000, '10m'],
    [7_200_000, '2h'],
  ] as const) {
    assert.equal(showDuration(ms), text)
    assert.equal(parseDuration('', text), ms)
  }
})
