import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Version, validatorsOf } from '#sluice/http/validator.js'

const now = 2_000_000_000
const version: Version = {
  inode: 1,
  size: 2,
  mtimeSeconds: 784_111_777,
  mtimeNanoseconds: 3,
  ctimeSeconds: 784_111_777,
  ctimeNanoseconds: 3,
}

test('the tag is strong, and well formed whatever the numbers are', () => {
  for (const changed of [version, { ...version, inode: 2 ** 53 }, { ...version, mtimeSeconds: -1.5e11 }]) {
    assert.match(validatorsOf(changed, null, now).etag, /^"[\x21\x23-\x7e]+"$/)
    assert.match(validatorsOf(changed, 'br', now).etag, /^"[\x21\x23-\x7e]+-br"$/)
  }
})

test('whatever changes of a version, or its coding, makes another tag', () => {
  const versions = Object.keys(version).map(key => ({ ...version, [key]: version[key as keyof Version] + 1 }))
  const tags = [version, ...versions].map(each => validatorsOf(each, null, now).etag)
  for (const coding of ['br', 'zstd', 'gzip']) tags.push(validatorsOf(version, coding, now).etag)
  assert.equal(new Set(tags).size, tags.length)
})

test('the date of change is whole seconds, and never lies ahead', () => {
  assert.deepEqual(dated(version), ['Sun, 06 Nov 1994 08:49:37 GMT', 784_111_777])
  assert.deepEqual(dated({ ...version, mtimeSeconds: now + 5 }), ['Wed, 18 May 2033 03:33:20 GMT', now])
  assert.deepEqual(dated({ ...version, mtimeSeconds: -1e12 }), [null, null])
})

function dated(changed: Version) {
  const { lastModified, lastModifiedSeconds } = validatorsOf(changed, null, now)
  return [lastModified, lastModifiedSeconds]
}
