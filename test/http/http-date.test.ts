import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHttpDate, parseHttpDate } from '#sluice/http/http-date.js'

/** The RFC's example, 1994-11-06 08:49:37. */
const example = 784_111_777

test('the three forms of the same date are understood', () => {
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), example)
  assert.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT'), example)
  assert.equal(parseHttpDate('Sun Nov  6 08:49:37 1994'), example)
})

test('two digits of a year never mean one more than 50 years ahead', () => {
  const year = new Date().getUTCFullYear()
  for (const ahead of [0, 49, 50]) assert.equal(yearOf(year + ahead), year + ahead)
  for (const ahead of [51, 99]) assert.equal(yearOf(year + ahead), year + ahead - 100)
})

function yearOf(year: number): number {
  const digits = String(year % 100).padStart(2, '0')
  return new Date(parseHttpDate(`Monday, 01-Jan-${digits} 00:00:00 GMT`)! * 1000).getUTCFullYear()
}

test('leap seconds and leap years are dates', () => {
  assert.equal(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT'), Date.UTC(2017, 0, 1) / 1000)
  assert.equal(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT'), Date.UTC(2024, 1, 29) / 1000)
  assert.equal(parseHttpDate('Mon, 01 Jan 0001 00:00:00 GMT'), -62_135_596_800)
})

for (const text of [
  '',
  '0',
  '784111777',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 UTC',
  'Sun, 06 Nov 1994 08:49:37 GMT+1',
  'sun, 06 nov 1994 08:49:37 gmt',
  'Sun, 6 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nov 94 08:49:37 GMT',
  'Sun, 31 Feb 1994 08:49:37 GMT',
  'Sun, 00 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:60:37 GMT',
  'Sun, 06 Nov 1994 08:49:61 GMT',
  'Thu, 29 Feb 2023 00:00:00 GMT',
  'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  '"Sun, 06 Nov 1994 08:49:37 GMT"',
]) {
  test(`${JSON.stringify(text)} is no date`, () => assert.equal(parseHttpDate(text), null))
}

test('dates are written in the preferred form, as long as the year has four digits', () => {
  assert.equal(formatHttpDate(example), 'Sun, 06 Nov 1994 08:49:37 GMT')
  assert.equal(formatHttpDate(-1), 'Wed, 31 Dec 1969 23:59:59 GMT')
  assert.equal(formatHttpDate(253_402_300_799), 'Fri, 31 Dec 9999 23:59:59 GMT')
  assert.equal(formatHttpDate(253_402_300_800), null)
  assert.equal(formatHttpDate(-62_135_596_801), null)
})
