import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTarget } from '#sluice/http/target.js'

for (const [target, name, directory, query] of [
  ['/', '', true, ''],
  ['/a', 'a', false, ''],
  ['/a/b.txt', 'a/b.txt', false, ''],
  ['/a/b/', 'a/b', true, ''],
  ['/a?x=/../%zz', 'a', false, '?x=/../%zz'],
  ['/?', '', true, '?'],
  ['/a#b?c', 'a', false, ''],
  ['/a?b#c', 'a', false, '?b'],
  ['//a///b//', 'a/b', true, ''],
  ['//example.com', 'example.com', false, ''],
  ['/./a/./b', 'a/b', false, ''],
  ['/a/.', 'a', true, ''],
  ['/a/%2e/', 'a', true, ''],
  ['/.hidden/..x/x..', '.hidden/..x/x..', false, ''],
  ['/%61%20%26', 'a &', false, ''],
  ['/%C3%A9', '\xc3\xa9', false, ''],
  ['/\xc3\xa9', '\xc3\xa9', false, ''],
  ['/\u20ac', '\xe2\x82\xac', false, ''],
  ['/%ff%FE', '\xff\xfe', false, ''],
  ['/%c0%ae%c0%ae/x', '\xc0\xae\xc0\xae/x', false, ''],
  ['/%252e%252e/x', '%2e%2e/x', false, ''],
  ['/a%3fb%23', 'a?b#', false, ''],
  ['/a+b', 'a+b', false, ''],
  ['http://example.com/a/b?c', 'a/b', false, '?c'],
  ['HTTPS://user@example.com:80/a', 'a', false, ''],
  ['http://example.com', '', true, ''],
  ['http://example.com?q', '', true, '?q'],
] as const) {
  test(`${JSON.stringify(target)} names ${JSON.stringify(name)}`, () => {
    assert.deepEqual(parseTarget(target), { name, directory, query })
  })
}

for (const target of [
  '',
  '*',
  'a',
  '?a',
  'example.com:80',
  'http:///a',
  'ftp://example.com/a',
  'file:///etc/passwd',
  '/%',
  '/%a',
  '/%zz',
  '/a%2',
  '/%u0041',
  '/..',
  '/../a',
  '/a/..',
  '/a/../b',
  '/%2e%2e/a',
  '/%2E./a',
  '/.%2e/a',
  '/a/..%00',
  '/a%00',
  '/a\0b',
  '/a%2fb',
  '/a%2Fb',
  '/..%2f..%2fetc',
  '/a%5cb',
  '/a\\b',
  '/..\\a',
  '/\\example.com',
  'http://example.com/../a',
]) {
  test(`${JSON.stringify(target)} is refused`, () => {
    assert.equal(parseTarget(target), null)
  })
}

test('targets of the greatest length that Node lets through are parsed in next to no time', () => {
  const length = 1 << 20
  const parts = ['/', '//', '/a', '/.', '%', '%2', 'a/', '/%41', '?', '#', '\\', ' ']
  for (const part of parts) {
    // Quadratic work would be 2^40 steps: this test would not end.
    for (const start of ['/', 'http://', '']) parseTarget(start + part.repeat(length / part.length))
  }
})
