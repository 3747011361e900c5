import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isHidden, toByteName, toDisplayName, toSystemName, toUrlPath } from '#sluice/http/byte-name.js'

test('names go from text to bytes and back', () => {
  for (const text of ['a.txt', 'é €', '\u{1f600}', '']) {
    const name = toByteName(text)
    assert.equal(toDisplayName(name), text)
    assert.deepEqual(Buffer.from(toSystemName(name)), Buffer.from(text))
  }
})

test('names that are not UTF-8 keep their bytes', () => {
  assert.deepEqual(toSystemName('\xff\xfe'), Buffer.from([0xff, 0xfe]))
  assert.equal(toDisplayName('a\xff'), 'a\ufffd')
})

test('URLs escape every byte that could mean something else', () => {
  assert.equal(toUrlPath('a/b c?d#e%f"<>\\\xc3\xa9\n;=&'), 'a/b%20c%3Fd%23e%25f%22%3C%3E%5C%C3%A9%0A;=&')
  for (let code = 1; code < 256; code++) {
    const name = String.fromCharCode(code)
    const path = toUrlPath(name)
    assert.match(path, /^[\x21-\x7e]+$/)
    assert.equal(Buffer.from(unescape(path), 'latin1').toString('latin1'), name)
  }
})

for (const [name, hidden] of [
  ['a', false],
  ['a.b/c.d', false],
  ['.a', true],
  ['a/.b/c', true],
  ['a/.b', true],
  ['.well-known', false],
  ['.well-known/acme-challenge/x', false],
  ['.well-known/.x', true],
  ['.well-known2', true],
  ['a/.well-known/x', true],
] as const) {
  test(`${name} is ${hidden ? 'hidden' : 'visible'}`, () => assert.equal(isHidden(name), hidden))
}
