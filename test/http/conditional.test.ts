import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePreconditions, ifRangeHolds } from '#sluice/http/conditional.js'

const seconds = 784_111_777
const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
const before = 'Sun, 06 Nov 1994 08:49:36 GMT'
const later = 'Sun, 06 Nov 1994 08:49:38 GMT'
const validators = { etag: '"a"', lastModified: date, lastModifiedSeconds: seconds }

const table: [Record<string, string>, 'proceed' | 'not modified' | 'failed'][] = [
  [{}, 'proceed'],
  // If-None-Match: weak comparison.
  [{ 'if-none-match': '"a"' }, 'not modified'],
  [{ 'if-none-match': 'W/"a"' }, 'not modified'],
  [{ 'if-none-match': '*' }, 'not modified'],
  [{ 'if-none-match': ' * ' }, 'not modified'],
  [{ 'if-none-match': '"b"' }, 'proceed'],
  [{ 'if-none-match': '"b", "a"' }, 'not modified'],
  [{ 'if-none-match': '"b","c" ,\tW/"a"' }, 'not modified'],
  [{ 'if-none-match': ', ,"a",' }, 'not modified'],
  [{ 'if-none-match': '"b,\\", "a"' }, 'not modified'],
  [{ 'if-none-match': '"x, "a"' }, 'proceed'],
  [{ 'if-none-match': 'a' }, 'proceed'],
  [{ 'if-none-match': 'w/"a"' }, 'proceed'],
  [{ 'if-none-match': '"A"' }, 'proceed'],
  [{ 'if-none-match': '""' }, 'proceed'],
  [{ 'if-none-match': '' }, 'proceed'],
  [{ 'if-none-match': '"b" "a"' }, 'proceed'],
  [{ 'if-none-match': '"b", *' }, 'proceed'],
  // If-Modified-Since, only without If-None-Match, and only a date.
  [{ 'if-modified-since': date }, 'not modified'],
  [{ 'if-modified-since': later }, 'not modified'],
  [{ 'if-modified-since': before }, 'proceed'],
  [{ 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 'not modified'],
  [{ 'if-modified-since': 'never' }, 'proceed'],
  [{ 'if-modified-since': '2030-01-01' }, 'proceed'],
  [{ 'if-modified-since': later, 'if-none-match': '"b"' }, 'proceed'],
  [{ 'if-modified-since': before, 'if-none-match': '"a"' }, 'not modified'],
  // If-Match: strong comparison.
  [{ 'if-match': '"a"' }, 'proceed'],
  [{ 'if-match': '*' }, 'proceed'],
  [{ 'if-match': '"b", "a"' }, 'proceed'],
  [{ 'if-match': '"b"' }, 'failed'],
  [{ 'if-match': 'W/"a"' }, 'failed'],
  [{ 'if-match': 'a' }, 'failed'],
  [{ 'if-match': '' }, 'failed'],
  // If-Unmodified-Since, only without If-Match, and only a date.
  [{ 'if-unmodified-since': date }, 'proceed'],
  [{ 'if-unmodified-since': later }, 'proceed'],
  [{ 'if-unmodified-since': before }, 'failed'],
  [{ 'if-unmodified-since': 'never' }, 'proceed'],
  [{ 'if-unmodified-since': before, 'if-match': '"a"' }, 'proceed'],
  [{ 'if-unmodified-since': later, 'if-match': '"b"' }, 'failed'],
  // 412 goes before 304.
  [{ 'if-match': '"b"', 'if-none-match': '"a"' }, 'failed'],
  [{ 'if-match': '"a"', 'if-none-match': '"a"' }, 'not modified'],
  [{ 'if-unmodified-since': before, 'if-modified-since': date }, 'failed'],
  [{ 'if-unmodified-since': date, 'if-modified-since': date }, 'not modified'],
]

for (const [headers, expected] of table) {
  test(`${JSON.stringify(headers)} → ${expected}`, () =>
    assert.equal(evaluatePreconditions(asked(headers), validators), expected))
}

test('without a date of change, conditions on it do not count', () => {
  const undated = { etag: '"a"', lastModified: null, lastModifiedSeconds: null }
  assert.equal(evaluatePreconditions(asked({ 'if-unmodified-since': before }), undated), 'proceed')
  assert.equal(evaluatePreconditions(asked({ 'if-modified-since': later }), undated), 'proceed')
  assert.equal(ifRangeHolds(date, undated, seconds + 100), false)
})

test('If-Range holds for strong validators of this very version only', () => {
  const now = seconds + 100
  assert.equal(ifRangeHolds(undefined, validators, now), true)
  assert.equal(ifRangeHolds('"a"', validators, now), true)
  assert.equal(ifRangeHolds(date, validators, now), true)
  for (const other of ['W/"a"', '"b"', '"a", "b"', '*', 'a', '', before, later, 'never']) {
    assert.equal(ifRangeHolds(other, validators, now), false, other)
  }
})

test('If-Range with a date does not hold while the second that it names may not be over', () => {
  assert.equal(ifRangeHolds(date, validators, seconds), false)
  assert.equal(ifRangeHolds(date, validators, seconds + 1), true)
})

test('a header made to be slow is not', () => {
  // Quadratic work would be 2^40 steps: this test would not end.
  for (const part of [' ', ',', '"', '""', '" ', '", ', 'W/', 'W/""', ', ']) {
    evaluatePreconditions(asked({ 'if-none-match': part.repeat(1 << 20) }), validators)
  }
})

function asked(headers: Record<string, string>): { header(name: string): string | undefined } {
  return { header: name => headers[name] }
}
