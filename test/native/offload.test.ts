/** The calls that run on a thread of the pool: they give what the direct calls give. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { randomFile } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'
import { calls, needsAddon, owned } from './support.js'

const { EBADF, EINVAL, ENOENT, ENXIO } = constants.errno

test('copyFileRangeOffload copies a range, and nothing beyond the end', needsAddon, async t => {
  const { source, sink, bytes, sinkPath } = files(t)
  assert.equal(await calls.copyFileRangeOffload(source, 10, sink, 5, 20), 20)
  assert.deepEqual(readFileSync(sinkPath).subarray(5, 25), bytes.subarray(10, 30))
  assert.equal(await calls.copyFileRangeOffload(source, 100, sink, 0, 1), 0)
  assert.equal(await calls.copyFileRangeOffload(source, 0, source, 5, 20), -EBADF)
  assert.equal(await calls.copyFileRangeOffload(sink, 0, sink, 0, 20), -EBADF)
})

test('spliceOffload empties a pipe into a file, at an offset', needsAddon, async t => {
  const { source, sink, bytes, sinkPath } = files(t)
  const ends = new Int32Array(2)
  assert.equal(calls.pipe2(ends, calls.O_CLOEXEC), 0)
  const [readEnd, writeEnd] = [owned(t, ends[0]!), owned(t, ends[1]!)]
  assert.equal(calls.splice(source, 10, writeEnd, null, 20, 0), 20)
  assert.equal(await calls.spliceOffload(readEnd, sink, 5, 15, 4), 15)
  assert.deepEqual(readFileSync(sinkPath).subarray(5, 20), bytes.subarray(10, 25))
  assert.equal(await calls.spliceOffload(readEnd, source, 0, 5, 5), -EBADF)
  assert.equal(await calls.spliceOffload(source, sink, 0, 5, 5), -EINVAL)
  assert.throws(() => calls.spliceOffload(readEnd, sink, 0, 5, 0), TypeError)
})

test('ficloneRangeOffload wants descriptors, and whole blocks', needsAddon, async t => {
  const { source, sink } = files(t)
  assert.equal(await calls.ficloneRangeOffload(source, 0, -1, 0, 0), -EBADF)
  assert.ok((await calls.ficloneRangeOffload(source, 1, sink, 1, 10)) < 0)
})

test('lseekOffload finds data, and no data at the end', needsAddon, async t => {
  const { source } = files(t)
  assert.equal(await calls.lseekOffload(source, 7, calls.SEEK_DATA), 7)
  assert.equal(await calls.lseekOffload(source, 7, calls.SEEK_HOLE), 100)
  assert.equal(await calls.lseekOffload(source, 100, calls.SEEK_DATA), -ENXIO)
  assert.equal(await calls.lseekOffload(source, 0, 1000), -EINVAL)
  assert.equal(calls.lseek(source, 42, calls.SEEK_SET), 42)
  assert.equal(calls.lseek(-1, 0, calls.SEEK_SET), -EBADF)
})

test('pwriteOffload writes at an offset, or where the open file stands', needsAddon, async t => {
  const { sink, sinkPath } = files(t)
  assert.equal(await calls.pwriteOffload(sink, Buffer.from('abc'), 3), 3)
  assert.equal(await calls.pwriteOffload(sink, Buffer.from('xy'), null), 2)
  assert.equal(readFileSync(sinkPath).toString('latin1', 0, 2), 'xy')
  assert.equal(readFileSync(sinkPath).toString('latin1', 3, 6), 'abc')
  assert.equal(await calls.pwriteOffload(-1, Buffer.from('x'), 0), -EBADF)
  assert.throws(() => calls.pwriteOffload(sink, Buffer.from('x'), -1), TypeError)
})

test('openOffload opens by names that are text or bytes', needsAddon, async t => {
  const { path } = randomFile(temporaryFolder(t), 'é.bin', 1)
  for (const name of [path, Buffer.from(path)]) {
    const fd = owned(t, await calls.openOffload(name, calls.O_RDONLY | calls.O_CLOEXEC))
    assert.equal(calls.lseek(fd, 0, calls.SEEK_SET), 0)
  }
  assert.equal(await calls.openOffload(`${path}x`, calls.O_RDONLY), -ENOENT)
  assert.throws(() => calls.openOffload('a\0b', calls.O_RDONLY), TypeError)
})

test('arguments of the wrong type are refused at once', needsAddon, () => {
  const wrong = undefined as unknown as number
  assert.throws(() => calls.copyFileRangeOffload(wrong, 0, 0, 0, 0), TypeError)
  assert.throws(() => calls.ficloneRangeOffload(0, -1, 0, 0, 0), TypeError)
  assert.throws(() => calls.lseekOffload(0, 0, wrong), TypeError)
  assert.throws(() => calls.lseek(0, wrong, 0), TypeError)
})

/** A source of 100 bytes, and a sink that is open for writing only. */
function files(t: TestContext) {
  const folder = temporaryFolder(t)
  const { path, bytes } = randomFile(folder, 'source.bin', 100)
  const sinkPath = randomFile(folder, 'sink.bin', 100).path
  const source = owned(t, calls.open(path, calls.O_RDONLY | calls.O_CLOEXEC))
  const sink = owned(t, calls.open(sinkPath, calls.O_WRONLY | calls.O_CLOEXEC))
  return { source, sink, bytes, sinkPath }
}
