import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRange, rangesMax } from '#sluice/http/range.js'

/** Ranges of a file of 1000 bytes, as "start-end" with commas; "416" for none, "200" for a header that is ignored. */
const table: [string, string][] = [
  ['bytes=0-0', '0-0'],
  ['bytes=0-499', '0-499'],
  ['bytes=500-', '500-999'],
  ['bytes=-5', '995-999'],
  ['bytes=-1000', '0-999'],
  ['bytes=-1001', '0-999'],
  ['bytes=-99999999999999999999', '0-999'],
  ['bytes=0-', '0-999'],
  ['bytes=999-', '999-999'],
  ['bytes=0-999', '0-999'],
  ['bytes=0-1000', '0-999'],
  ['bytes=990-99999999999999999999', '990-999'],
  ['bytes=0000-0001', '0-1'],
  ['BYTES=0-1', '0-1'],
  ['Bytes=0-1', '0-1'],
  // Lists: space around commas and empty items are the recipient's to bear.
  ['bytes=0-1,5-6', '0-1,5-6'],
  ['bytes=0-1 ,\t5-6', '0-1,5-6'],
  ['bytes=,0-1,,5-6,', '0-1,5-6'],
  ['bytes= 0-1', '0-1'],
  ['bytes=5-6,0-1', '5-6,0-1'],
  ['bytes=0-1,-2', '0-1,998-999'],
  // What is next to each other stays apart, what overlaps is joined.
  ['bytes=0-1,2-3', '0-1,2-3'],
  ['bytes=0-5,5-9', '0-9'],
  ['bytes=500-600,0-10,550-700', '500-700,0-10'],
  ['bytes=0-10,20-30,5-25', '0-30'],
  ['bytes=40-50,20-30,0-10,5-45', '0-50'],
  ['bytes=0-,0-,0-', '0-999'],
  ['bytes=-10,-20,-5', '980-999'],
  // What cannot be satisfied is left out, unless nothing is left.
  ['bytes=0-1,1000-', '0-1'],
  ['bytes=1000-', '416'],
  ['bytes=1000-2000', '416'],
  ['bytes=99999999999999999999-', '416'],
  ['bytes=-0', '416'],
  ['bytes=-0,1000-1001', '416'],
  ['bytes=-0,0-0', '0-0'],
  // Malformed, as a whole.
  ['', '200'],
  ['bytes', '200'],
  ['bytes=', '200'],
  ['bytes=,', '200'],
  ['bytes=-', '200'],
  ['bytes=--5', '200'],
  ['bytes=a-b', '200'],
  ['bytes=1-a', '200'],
  ['bytes=5-4', '200'],
  ['bytes=0-1,5-4', '200'],
  ['bytes=0-1,x', '200'],
  ['bytes=0-1;5-6', '200'],
  ['bytes=0-1-2', '200'],
  ['bytes=+1-2', '200'],
  ['bytes=0x0-0x1', '200'],
  ['bytes=1.0-2', '200'],
  ['bytes=1e2-', '200'],
  ['bytes=0 - 1', '200'],
  ['bytes=-5-', '200'],
  ['bytes =0-1', '200'],
  ['bytes:0-1', '200'],
  ['bytes=0-1, bytes=2-3', '200'],
  // Other units.
  ['items=0-1', '200'],
  ['bytess=0-1', '200'],
  ['none', '200'],
  ['=0-1', '200'],
]

for (const [header, expected] of table) {
  test(`${JSON.stringify(header)} → ${expected}`, () =>
    assert.equal(show(parseRange(header, 1000)), expected))
}

test('no header is no range', () => assert.equal(parseRange(undefined, 1000), null))

test('of an empty file no range can be satisfied, and its last bytes are all of it', () => {
  assert.equal(show(parseRange('bytes=0-', 0)), '416')
  assert.equal(show(parseRange('bytes=0-0', 0)), '416')
  assert.equal(show(parseRange('bytes=-0', 0)), '416')
  assert.equal(show(parseRange('bytes=-1', 0)), '200')
})

test('positions beyond 2^32 are exact', () => {
  const size = 2 ** 40
  assert.equal(show(parseRange(`bytes=${size - 1}-`, size)), `${size - 1}-${size - 1}`)
  assert.equal(show(parseRange('bytes=4294967296-4294967297', size)), '4294967296-4294967297')
})

test('so many ranges, and not one more', () => {
  const ranges = Array.from({ length: rangesMax }, (_, i) => `${i * 2}-${i * 2}`)
  assert.equal(parseRange(`bytes=${ranges}`, 1000)?.length, rangesMax)
  assert.equal(parseRange(`bytes=${ranges},999-999`, 1000), null)
  assert.equal(parseRange(`bytes=${'0-,'.repeat(5000)}`, 1000), null)
})

test('a header made to be slow is not', () => {
  // Quadratic work would be 2^40 steps: this test would not end.
  for (const part of [' ', ',', '1', '-', ' ,', '\t', '0-'])
    parseRange(`bytes=${part.repeat(1 << 20)}x`, 1000)
})

function show(ranges: ReturnType<typeof parseRange>): string {
  if (ranges === null) return '200'
  return ranges.length === 0 ? '416' : ranges.map(({ start, end }) => `${start}-${end}`).join(',')
}
