/** What mapping does without the addon; prints nothing where all is as it should be. */
import assert from 'node:assert/strict'
import { openSync, readFileSync, readSync, truncateSync } from 'node:fs'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { openDescriptors } from '../../support/descriptors.js'

const path = process.argv[2]!
const contents = readFileSync(path)
const fd = openSync(path, 'r')
const before = openDescriptors()
for (const from of [path, fd]) {
  const file = mapFile(from, { start: 5, end: 9000 })
  assert.equal(file.fd, null)
  assert.match(file.fdMissing, /SLUICE_ADDON=off/)
  assert.deepEqual(Buffer.from(file.bytes), contents.subarray(5, 9001))
  const { bytes } = file
  file.close()
  assert.equal(bytes.length, 0)
}
assert.deepEqual(openDescriptors(), before)
assert.equal(readSync(fd, Buffer.alloc(1)), 1)

const copy = mapFile(path)
truncateSync(path, 0)
assert.deepEqual(Buffer.from(copy.bytes), contents)
copy.check()

truncateSync(path, 64 * 1024 * 1024 + 1)
assert.throws(() => mapFile(path), { code: 'ERR_SLUICE_ADDON', message: /67108865 bytes .*SLUICE_ADDON=off/ })
mapFile(path, { end: 64 * 1024 * 1024 - 1 }).close()
