import assert from 'node:assert/strict'
import { constants as bufferConstants } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { deflate, inflateSync } from 'node:zlib'
import { MiB } from '#sluice/base/units.js'
import { pageBytes } from '#sluice/memory/backing.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { native } from '#sluice/native/load.js'
import { openDescriptors } from '../support/descriptors.js'
import { temporaryFolder } from '../support/temporary.js'
import { fileMappings, needsMapping } from './support.js'

const truncatedError = { code: 'ERR_SLUICE_MAPPING_TRUNCATED' }

/** A file of random bytes on a disk. */
function fileOf(t: TestContext, bytes: number, name = 'file'): { path: string; contents: Buffer } {
  const path = join(temporaryFolder(t), name)
  const contents = randomBytes(bytes)
  writeFileSync(path, contents)
  return { path, contents }
}

/** Another process sets the size. */
function resizeElsewhere(path: string, bytes: number): void {
  const { status, stderr } = spawnSync('truncate', ['-s', String(bytes), path], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

test('a file is mapped by name, URL, FileHandle and descriptor, which need not stay open', async t => {
  const { path, contents } = fileOf(t, 3 * pageBytes + 100)
  const handle = await open(path)
  const fd = openSync(path, 'r')
  const files = [path, Buffer.from(path), pathToFileURL(path), handle, fd].map(from => mapFile(from))
  assert.equal(readSync(fd, Buffer.alloc(10)), 10, 'the descriptor is still open, at its beginning')
  await handle.close()
  closeSync(fd)
  for (const file of files) {
    assert.deepEqual(Buffer.from(file.bytes), contents)
    assert.deepEqual([file.byteLength, file.start, file.truncated], [contents.length, 0, false])
    file.check()
    file.close()
  }
})

test('a range may begin and end anywhere', t => {
  const { path, contents } = fileOf(t, 3 * pageBytes + 100)
  const edges = [0, 1, pageBytes - 1, pageBytes, pageBytes + 1, 3 * pageBytes + 99]
  for (const start of edges) {
    for (const end of [...edges.filter(edge => edge >= start), undefined]) {
      const file = mapFile(path, { start, end })
      assert.deepEqual(Buffer.from(file.bytes), contents.subarray(start, end === undefined ? end : end + 1))
      if (file.fd !== null) {
        const read = Buffer.alloc(file.byteLength)
        readSync(file.fd, read, 0, read.length, file.start)
        assert.deepEqual(read, Buffer.from(file.bytes))
      }
      file.close()
    }
  }
})

test('an empty file and an empty range have no bytes', t => {
  const empty = fileOf(t, 0)
  const full = fileOf(t, pageBytes)
  for (const file of [mapFile(empty.path), mapFile(full.path, { start: pageBytes })]) {
    assert.deepEqual([file.byteLength, file.bytes.length, file.truncated], [0, 0, false])
    file.check()
    file.close()
    assert.equal(file.truncated, false)
  }
})

test('what is no regular file, is not there or has not the bytes is refused', async t => {
  const { path } = fileOf(t, 100)
  const folder = temporaryFolder(t)
  const fifo = join(folder, 'fifo')
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0)
  const handle = await open(path)
  await handle.close()
  const before = openDescriptors()
  for (const name of [folder, fifo, '/dev/null', join(folder, 'missing'), 'a\0b', 'a'.repeat(5000)]) {
    assert.throws(() => mapFile(name), { code: 'ERR_SLUICE_FILE' }, name)
  }
  assert.throws(() => mapFile(path, { start: 101 }), { code: 'ERR_SLUICE_RANGE' })
  assert.throws(() => mapFile(path, { end: 100 }), { code: 'ERR_SLUICE_RANGE' })
  assert.throws(() => mapFile(handle), { code: 'ERR_SLUICE_CLOSED' })
  for (const [from, options] of [
    [path, { start: -1 }],
    [path, { start: 5, end: 4 }],
    [path, { end: 1.5 }],
    [-1, {}],
    [null, {}],
    [new URL('https://example.org/'), {}],
    [{}, {}],
    [undefined, {}],
  ] as const) {
    assert.throws(() => mapFile(from as never, options), { code: 'ERR_SLUICE_OPTION' })
  }
  assert.deepEqual(openDescriptors(), before)
})

test('writing to the bytes is harmless and never reaches the file', t => {
  const { path, contents } = fileOf(t, 2 * pageBytes)
  const file = mapFile(path)
  file.bytes.fill(7)
  assert.ok(file.bytes.every(byte => byte === 7))
  assert.deepEqual(readFileSync(path), contents)
  const other = mapFile(path)
  assert.deepEqual(Buffer.from(other.bytes), contents)
  for (const mapping of [file, other]) mapping.close()
  assert.deepEqual(readFileSync(path), contents)
})

test('after close() the bytes are gone, old views are empty, and closing again does nothing', t => {
  const { path } = fileOf(t, pageBytes)
  const file = mapFile(path)
  const { bytes } = file
  file.close()
  file.close()
  assert.deepEqual([file.closed, bytes.length, bytes.buffer.byteLength], [true, 0, 0])
  assert.throws(() => file.bytes, { code: 'ERR_SLUICE_CLOSED' })
  assert.throws(() => file.fd, { code: 'ERR_SLUICE_CLOSED' })
  file.check()
})

test('after close() pinned bytes stay until the last unpin()', { skip: needsMapping }, t => {
  const { path, contents } = fileOf(t, 2 * pageBytes, 'pinned')
  const file = mapFile(path)
  const { bytes } = file
  file.pin()
  file.pin()
  file.close()
  file.unpin()
  assert.throws(() => file.bytes, { code: 'ERR_SLUICE_CLOSED' })
  assert.throws(() => file.pin(), { code: 'ERR_SLUICE_CLOSED' })
  assert.deepEqual(Buffer.from(bytes), contents)
  // What is missing now is still noticed, and after the end remembered.
  truncateSync(path, pageBytes)
  assert.equal(fileMappings('pinned'), 1)
  file.unpin()
  assert.deepEqual([bytes.length, fileMappings('pinned'), file.truncated], [0, 0, true])
  assert.throws(() => file.unpin(), /without pin/)
})

test('bytes that another process cut off read as zeros, and the mapping says so', {
  skip: needsMapping,
}, t => {
  const { path } = fileOf(t, 8 * pageBytes)
  const file = mapFile(path)
  resizeElsewhere(path, 0)
  assert.ok(file.bytes.every(byte => byte === 0))
  assert.equal(file.truncated, true)
  assert.throws(() => file.check(), truncatedError)
  file.bytes.fill(1)
  assert.ok(
    file.bytes.every(byte => byte === 1),
    'they can still be written to',
  )
  file.close()
  assert.equal(file.truncated, true)
  assert.throws(() => file.check(), truncatedError)
})

test('a write, too, finds missing pages without harm', { skip: needsMapping }, t => {
  const { path } = fileOf(t, 2 * pageBytes)
  const file = mapFile(path)
  resizeElsewhere(path, 0)
  file.bytes[pageBytes + 5] = 9
  assert.deepEqual([file.bytes[pageBytes + 5], file.bytes[5], file.truncated], [9, 0, true])
  file.close()
})

test('a cut within the last page is noticed although nothing faults', { skip: needsMapping }, t => {
  const { path, contents } = fileOf(t, 2 * pageBytes)
  const file = mapFile(path)
  resizeElsewhere(path, pageBytes + 10)
  const kept = contents.subarray(0, pageBytes + 10)
  assert.deepEqual(Buffer.from(file.bytes), Buffer.concat([kept], 2 * pageBytes))
  assert.throws(() => file.check(), truncatedError)
  file.close()
})

test('a cut behind the range does not concern it', { skip: needsMapping }, t => {
  const { path, contents } = fileOf(t, 4 * pageBytes)
  const file = mapFile(path, { start: 10, end: pageBytes + 10 })
  resizeElsewhere(path, pageBytes + 11)
  assert.deepEqual(Buffer.from(file.bytes), contents.subarray(10, pageBytes + 11))
  file.check()
  file.close()
})

test('a file that grows again stays zeros from the page that was missing', { skip: needsMapping }, t => {
  const { path, contents } = fileOf(t, 4 * pageBytes)
  const file = mapFile(path)
  resizeElsewhere(path, pageBytes)
  assert.equal(file.bytes[2 * pageBytes], 0)
  writeFileSync(path, contents)
  assert.deepEqual(Buffer.from(file.bytes.subarray(2 * pageBytes)), Buffer.alloc(2 * pageBytes))
  assert.throws(() => file.check(), truncatedError)
  file.close()
  const again = mapFile(path)
  assert.deepEqual(Buffer.from(again.bytes), contents)
  again.check()
  again.close()
})

test('of several mappings only those are marked whose file was cut', { skip: needsMapping }, t => {
  const cut = fileOf(t, 4 * pageBytes)
  const whole = fileOf(t, 4 * pageBytes)
  const [first, second, other] = [mapFile(cut.path), mapFile(cut.path), mapFile(whole.path)]
  resizeElsewhere(cut.path, 0)
  for (const file of [first, second]) {
    assert.equal(file.bytes[3 * pageBytes], 0)
    assert.equal(file.truncated, true)
    file.close()
  }
  assert.deepEqual(Buffer.from(other.bytes), whole.contents)
  other.check()
  other.close()
})

test('reading from the end to the beginning leaves few mappings', { skip: needsMapping }, t => {
  const { path } = fileOf(t, 8 * MiB, 'backwards')
  const file = mapFile(path)
  const before = fileMappings('')
  resizeElsewhere(path, 0)
  for (let offset = file.byteLength - pageBytes; offset >= 0; offset -= pageBytes)
    assert.equal(file.bytes[offset], 0)
  // Other threads map memory of their own meanwhile; it would be 2048 if every page were one.
  assert.ok(fileMappings('') < before + 100)
  file.close()
})

test('a system call that is handed missing bytes fails with EFAULT', { skip: needsMapping }, t => {
  const { path } = fileOf(t, pageBytes)
  const file = mapFile(path)
  truncateSync(path, 0)
  const fd = openSync(join(temporaryFolder(t), 'out'), 'w')
  assert.throws(() => writeSync(fd, file.bytes), { code: 'EFAULT' })
  closeSync(fd)
  assert.throws(() => file.check(), truncatedError)
  file.close()
})

test("missing bytes do no harm on the threads of Node's pool", { skip: needsMapping }, async t => {
  const { path } = fileOf(t, MiB)
  const file = mapFile(path)
  resizeElsewhere(path, 0)
  const packed = await Promise.all([0, 1, 2, 3].map(() => promisify(deflate)(file.bytes)))
  for (const bytes of packed) assert.deepEqual(inflateSync(bytes), Buffer.alloc(MiB))
  assert.throws(() => file.check(), truncatedError)
  file.close()
})

test('10,000 mappings made, some cut, and closed leave no mapping and no descriptor', {
  skip: needsMapping,
}, t => {
  const { path, contents } = fileOf(t, 2 * pageBytes, 'cycled')
  const before = openDescriptors()
  for (let cycle = 0; cycle < 10_000; cycle++) {
    const file = mapFile(path)
    const cut = cycle % 100 === 0
    if (cut) truncateSync(path, 0)
    assert.equal(file.bytes[pageBytes], cut ? 0 : contents[pageBytes])
    file.close()
    if (cut) writeFileSync(path, contents)
  }
  assert.equal(fileMappings('cycled'), 0)
  assert.deepEqual(openDescriptors(), before)
})

test('4096 files can be mapped at once, then there is an error until one is closed', {
  skip: needsMapping,
}, t => {
  const { path } = fileOf(t, 1, 'many')
  const fd = openSync(path, 'r')
  const addon = native!
  // Mappings without a descriptor each: the limit on those may be lower.
  const guarded = Array.from({ length: 4096 }, () => addon.mapPrivate(fd, 0, 1) as ArrayBuffer)
  for (const buffer of guarded) assert.equal(addon.guard(buffer), 0)
  const before = openDescriptors()
  assert.throws(() => mapFile(fd), { code: 'ERR_SLUICE_MEMORY', remedy: /^Close mappings/ })
  assert.deepEqual(openDescriptors(), before)
  addon.unmap(guarded.pop()!)
  mapFile(fd).close()
  for (const buffer of guarded) addon.unmap(buffer)
  closeSync(fd)
  assert.equal(fileMappings('many'), 0)
})

test('a sparse file of 3 GiB is mapped without being read', { skip: needsMapping }, t => {
  const { path } = fileOf(t, 0, 'sparse')
  const bytes = 3 * 1024 * MiB
  truncateSync(path, bytes)
  const fd = openSync(path, 'r+')
  writeSync(fd, 'end', bytes - 3)
  closeSync(fd)
  const before = process.memoryUsage.rss()
  const file = mapFile(path)
  assert.equal(Buffer.from(file.bytes.subarray(-3)).toString(), 'end')
  assert.ok(process.memoryUsage.rss() - before < 64 * MiB)
  file.check()
  file.close()
})

test('a file that is too large for one ArrayBuffer is mapped in pieces', { skip: needsMapping }, t => {
  const { path } = fileOf(t, 0, 'huge')
  const bytes = 5 * 1024 * MiB
  truncateSync(path, bytes)
  if (bufferConstants.MAX_LENGTH < bytes) {
    assert.throws(() => mapFile(path), { code: 'ERR_SLUICE_MEMORY', remedy: /pieces/ })
  } else {
    mapFile(path).close()
  }
  const piece = mapFile(path, { start: bytes - 10 })
  assert.deepEqual([piece.byteLength, piece.bytes[9]], [10, 0])
  piece.close()
})
