import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptedCodings } from '#sluice/http/encoding.js'

/** The codings to try, best first, and whether the file as it is may be sent. */
const table: [string | undefined, string, boolean][] = [
  [undefined, '', true],
  ['', '', true],
  [' ', '', true],
  ['identity', '', true],
  ['gzip', 'gzip', true],
  ['GZIP', 'gzip', true],
  ['x-gzip', 'gzip', true],
  ['br', 'br', true],
  ['zstd', 'zstd', true],
  ['deflate', '', true],
  ['gzip, deflate, br, zstd', 'br zstd gzip', true],
  ['gzip,br', 'br gzip', true],
  [',gzip,,br,', 'br gzip', true],
  ['gzip;q=1.0, br;q=0.5', 'gzip br', true],
  ['gzip;q=0.5, br;q=0.500, zstd;q=0.501', 'zstd br gzip', true],
  ['gzip ; q=0.5 , br\t;\tQ=0.9', 'br gzip', true],
  ['gzip;q=0', '', true],
  ['gzip;q=0.0, br', 'br', true],
  ['gzip;q=0.000', '', true],
  ['*', 'br zstd gzip', true],
  ['*;q=0', '', false],
  ['*;q=0, identity', '', true],
  ['*;q=0, gzip', 'gzip', false],
  ['*;q=0.5, br;q=0', 'zstd gzip', true],
  ['*;q=0.5, gzip', 'gzip br zstd', true],
  ['*;q=0.5, gzip;q=0.4', 'br zstd', true],
  ['identity;q=0', '', false],
  ['identity;q=0, br', 'br', false],
  ['identity;q=0, *', 'br zstd gzip', false],
  ['identity, gzip;q=0.5', '', true],
  ['identity;q=0.5, gzip;q=0.5', 'gzip', true],
  ['identity;q=0.5, gzip;q=0.4, br;q=0.6', 'br', true],
  // What is malformed is as if it were not there.
  ['gzip;q=2', '', true],
  ['gzip;q=1.001', '', true],
  ['gzip;q=0.0001', '', true],
  ['gzip;q=-1', '', true],
  ['gzip;q=', '', true],
  ['gzip;q', '', true],
  ['gzip;level=9', '', true],
  ['gzip br', '', true],
  ['gz ip, br', 'br', true],
  ['gzip;q=.5, br', 'br', true],
  ['__proto__, constructor', '', true],
]

for (const [header, codings, identity] of table) {
  test(`${JSON.stringify(header)} accepts ${codings || 'no coding'}${identity ? '' : ', and not the file as it is'}`, () => {
    const accepted = acceptedCodings(header)
    assert.equal(accepted.codings.map(({ token }) => token).join(' '), codings)
    assert.equal(accepted.identity, identity)
  })
}

test('a header made to be slow is not', () => {
  // Quadratic work would be 2^40 steps: this test would not end.
  for (const part of [' ', ',', 'a', ';', ' ;', 'a;q=', '\t', ' ,'])
    acceptedCodings(`gzip${part.repeat(1 << 20)}!`)
})
