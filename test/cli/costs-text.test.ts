import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { measurementText } from '#sluice/cli/costs-text.js'
import type { Measurement } from '#sluice/measure/measure.js'

const measurement: Measurement = {
  costs: {
    'file → tcp': {
      sendfile: [
        [256, 5_230],
        [65_536, 12_432],
        [16_777_216, 2_345_678],
      ],
      copy: [
        [256, 5_230],
        [65_536, 85_000],
      ],
    },
    'memory → tcp': { writev: [[256, 850]] },
  },
  skipped: [
    { pair: 'file → tcp', path: 'zerocopy', why: `it is ${'not '.repeat(30)}there` },
    { pair: 'pipe → pipe', path: null, why: 'there are no pipes' },
  ],
}

test('sizes are columns, paths are rows, and the cheapest is marked', () => {
  const lines = measurementText(measurement, { columns: 80, colour: false }).split('\n')
  assert.deepEqual(lines.slice(2, 6), [
    '                        256 B   64 KiB   16 MiB',
    'file → tcp    sendfile   5.23*    12.4*   2,350*',
    '              copy       5.23*      85        –',
    'memory → tcp  writev     0.85*       –        –',
  ])
})

test('what was not measured is told with its reason', () => {
  const text = measurementText(measurement, { columns: 80, colour: false })
  assert.match(text, /\nNot measured:\n\nfile → tcp {3}zerocopy {2}it is not/)
  assert.match(text, /\npipe → pipe {2}all {7}there are no pipes\n$/)
  assert.ok(text.split('\n').every(line => line.length <= 80))
})

test('colours change nothing but the colour', () => {
  const plain = measurementText(measurement, { columns: 80, colour: false })
  const coloured = measurementText(measurement, { columns: 80, colour: true })
  assert.notEqual(coloured, plain)
  const trimmed = (text: string): string => text.replaceAll(/ +$/gm, '')
  assert.equal(trimmed(stripVTControlCharacters(coloured)), trimmed(plain))
})
