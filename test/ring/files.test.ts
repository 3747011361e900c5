/** Operations on files and pipes. */
import assert from 'node:assert/strict'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AT_FDCWD } from '#sluice/native/open.js'
import { ANY_SLOT, AS_DESCRIPTOR, FIXED_FILE, LINK, SPLICE_SOURCE_FIXED } from '#sluice/ring/flags.js'
import { temporaryFolder } from '../support/temporary.js'
import { calls, needsRing, owned, pair, pipe, TestRing } from './support.js'

const { EBADF, ENOENT, EXDEV } = constants.errno
const STATX_BASIC_STATS = 0x7ff
/** struct statx: the size is the 64-bit field at byte 40. */
const statxSize = 40
const AT_EMPTY_PATH = 0x1000

test('reading and writing at positions, plain and registered', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions, memory } = bench
  const path = join(temporaryFolder(t), 'file')
  const file = owned(t, openSync(path, 'w+'))
  bench.write(0, 'hello, world')
  submissions.write(file, memory, 0, 12, 3, 1, 0)
  assert.equal(bench.result(), 12)
  submissions.read(file, memory, 100, 5, 10, 1, 0)
  assert.equal(bench.result(), 5)
  assert.equal(bench.text(100, 5), 'world')
  // Positions past 2^32 are whole.
  submissions.write(file, memory, 0, 5, 2 ** 33 + 7, 1, 0)
  assert.equal(bench.result(), 5)
  submissions.read(file, memory, 200, 100, 2 ** 33 + 8, 1, 0)
  assert.equal(bench.result(), 4)
  assert.equal(bench.text(200, 4), 'ello')

  bench.ring.buffers.register([memory])
  submissions.writeFixed(file, memory, 7, 5, 0, 0, 1, 0)
  assert.equal(bench.result(), 5)
  submissions.readFixed(file, memory, 300, 10, 0, 0, 1, 0)
  assert.equal(bench.result(), 10)
  assert.equal(bench.text(300, 10), 'worldllo, ')
  submissions.read(-1, memory, 0, 1, 0, 1, 0)
  assert.equal(bench.result(), -EBADF)
})

test('several pieces are written in one', needsRing, t => {
  const bench = new TestRing(t)
  const path = join(temporaryFolder(t), 'file')
  const file = owned(t, openSync(path, 'w'))
  bench.write(0, 'one')
  bench.write(10, 'two')
  const vectors = bench.ring.vectors(3)
  vectors.set(0, bench.memory, 10, 3)
  vectors.set(1, bench.memory, 0, 3)
  bench.submissions.writev(file, vectors, 2, -1, 1, 0)
  assert.equal(bench.result(), 6)
  assert.equal(readFileSync(path, 'utf8'), 'twoone')
})

test('a file goes to a socket through a pipe, in a chain', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions } = bench
  const path = join(temporaryFolder(t), 'file')
  writeFileSync(path, 'from the page cache')
  const file = owned(t, openSync(path, 'r'))
  const [reading, writing] = pipe(t)
  const [left, right] = pair(t)
  submissions.ensure(2)
  submissions.splice(file, 5, writing, -1, 14, 0, 1, 0)
  submissions.mark(LINK)
  submissions.splice(reading, -1, left, -1, 14, 0, 2, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: 14, 2: 14 })
  const got = Buffer.alloc(20)
  assert.equal(calls.recv(right, got, 0), 14)
  assert.equal(got.toString('utf8', 0, 14), 'the page cache')
})

test('splice takes registered files on both sides', needsRing, t => {
  const bench = new TestRing(t)
  const path = join(temporaryFolder(t), 'file')
  writeFileSync(path, 'registered')
  const [reading, writing] = pipe(t)
  bench.ring.files.open(4)
  bench.ring.files.set(1, owned(t, openSync(path, 'r')))
  bench.ring.files.set(2, writing)
  bench.submissions.splice(1, 0, 2, -1, 10, SPLICE_SOURCE_FIXED, 1, 0)
  bench.submissions.mark(FIXED_FILE)
  assert.equal(bench.result(), 10)
  bench.submissions.read(reading, bench.memory, 0, 100, -1, 1, 0)
  assert.equal(bench.result(), 10)
  assert.equal(bench.text(0, 10), 'registered')
  bench.ring.files.clear(2)
  bench.submissions.splice(1, 0, 2, -1, 10, SPLICE_SOURCE_FIXED, 1, 0)
  bench.submissions.mark(FIXED_FILE)
  assert.equal(bench.result(), -EBADF)
})

test('tee leaves the bytes in the source', needsRing, t => {
  const bench = new TestRing(t)
  const [reading, writing] = pipe(t)
  const [otherReading, otherWriting] = pipe(t)
  bench.write(0, 'twice')
  bench.submissions.write(writing, bench.memory, 0, 5, -1, 1, 0)
  assert.equal(bench.result(), 5)
  bench.submissions.tee(reading, otherWriting, 5, 0, 1, 0)
  assert.equal(bench.result(), 5)
  for (const end of [reading, otherReading]) {
    bench.submissions.read(end, bench.memory, 100, 100, -1, 1, 0)
    assert.equal(bench.result(), 5)
    assert.equal(bench.text(100, 5), 'twice')
  }
})

test('opening below a folder, as a descriptor and as a registered file', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions, memory } = bench
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'name'), 'contents')
  const directory = owned(t, openSync(folder, 'r'))
  const { O_RDONLY, O_CLOEXEC, RESOLVE_BENEATH } = calls
  bench.write(0, 'name\0')
  bench.write(10, '../name\0')
  submissions.open(directory, memory, 0, 5, O_RDONLY | O_CLOEXEC, 0, RESOLVE_BENEATH, AS_DESCRIPTOR, 1, 0)
  const file = owned(t, bench.result())
  submissions.read(file, memory, 100, 100, 0, 1, 0)
  assert.equal(bench.result(), 8)
  assert.equal(bench.text(100, 8), 'contents')
  submissions.open(directory, memory, 10, 8, O_RDONLY, 0, RESOLVE_BENEATH, AS_DESCRIPTOR, 1, 0)
  assert.equal(bench.result(), -EXDEV)

  bench.ring.files.open(4)
  submissions.open(directory, memory, 0, 5, O_RDONLY, 0, RESOLVE_BENEATH, ANY_SLOT, 1, 0)
  const slot = bench.result()
  submissions.read(slot, memory, 200, 100, 0, 1, 0)
  submissions.mark(FIXED_FILE)
  assert.equal(bench.result(), 8)
  assert.throws(() => submissions.open(directory, memory, 0, 4, O_RDONLY, 0, 0, 3, 1, 0), /NUL/)
})

test('statx by name and by descriptor', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions, memory } = bench
  const path = join(temporaryFolder(t), 'file')
  writeFileSync(path, Buffer.alloc(4321))
  const nameBytes = bench.write(0, `${path}\0`)
  submissions.statx(AT_FDCWD, memory, 0, nameBytes, 0, STATX_BASIC_STATS, 1024, 1, 0)
  assert.equal(bench.result(), 0)
  const size = (at: number): number =>
    Number(Buffer.from(bench.bytes.buffer, bench.bytes.byteOffset).readBigUInt64LE(at + statxSize))
  assert.equal(size(1024), 4321)
  bench.write(0, '\0')
  const file = owned(t, openSync(path, 'r'))
  submissions.statx(file, memory, 0, 1, AT_EMPTY_PATH, STATX_BASIC_STATS, 2048, 1, 0)
  assert.equal(bench.result(), 0)
  assert.equal(size(2048), 4321)
  bench.write(0, '/nothing here\0')
  submissions.statx(AT_FDCWD, memory, 0, 14, 0, STATX_BASIC_STATS, 1024, 1, 0)
  assert.equal(bench.result(), -ENOENT)
  assert.throws(() => submissions.statx(AT_FDCWD, memory, 0, 1, 0, 0, 65_536 - 255, 1, 0), RangeError)
})

test('closing a descriptor', needsRing, t => {
  const bench = new TestRing(t)
  const ends = new Int32Array(2)
  assert.equal(calls.pipe2(ends, calls.O_CLOEXEC), 0)
  bench.submissions.closeDescriptor(ends[0]!, 1, 0)
  assert.equal(bench.result(), 0)
  assert.equal(calls.close(ends[0]!), -EBADF)
  assert.equal(calls.close(ends[1]!), 0)
})

test('bytes that do not exist are not named', needsRing, t => {
  const bench = new TestRing(t)
  for (const [offset, length] of [
    [65_536, 1],
    [-1, 10],
    [0, 65_537],
    [Number.NaN, 1],
    [10, -1],
  ] as const) {
    assert.throws(() => bench.submissions.read(0, bench.memory, offset, length, 0, 1, 0), RangeError)
  }
  assert.equal(bench.ring.inFlight, 0)
})
