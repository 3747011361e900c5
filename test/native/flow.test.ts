import assert from 'node:assert/strict'
import { readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { calls, needsAddon, owned, pair } from './support.js'

const { EAGAIN, EBADF, EINVAL } = constants.errno

test('splice moves from a file at an offset through a pipe to a socket', needsAddon, t => {
  const file = memfd(t, 'one two three')
  const [output, input] = pipe(t)
  const [left, right] = pair(t)
  assert.equal(calls.splice(file, 4, input, null, 3, calls.SPLICE_F_NONBLOCK), 3)
  assert.equal(calls.splice(output, null, left, null, 100, calls.SPLICE_F_NONBLOCK), 3)
  assert.equal(text(right), 'two')
})

test('splice says EAGAIN where nothing can move, and EINVAL without a pipe', needsAddon, t => {
  const [output, input] = pipe(t)
  const [left] = pair(t)
  const file = memfd(t, 'x')
  assert.equal(calls.splice(output, null, left, null, 1, calls.SPLICE_F_NONBLOCK), -EAGAIN)
  assert.equal(calls.splice(left, null, input, null, 1, calls.SPLICE_F_NONBLOCK), -EAGAIN)
  assert.equal(calls.splice(file, 0, left, null, 1, calls.SPLICE_F_NONBLOCK), -EINVAL)
})

test('tee leaves the bytes in the first pipe', needsAddon, t => {
  const first = pipe(t)
  const second = pipe(t)
  writeSync(first[1], 'twice')
  assert.equal(calls.tee(first[0], second[1], 100, calls.SPLICE_F_NONBLOCK), 5)
  for (const [output] of [first, second]) assert.equal(textOf(output), 'twice')
})

test('vmsplice puts memory into a pipe', needsAddon, t => {
  const [output, input] = pipe(t)
  assert.equal(calls.vmsplice(input, Buffer.from('memory'), calls.SPLICE_F_NONBLOCK), 6)
  assert.equal(textOf(output), 'memory')
})

test('read takes what is there, and says EAGAIN where nothing is', needsAddon, t => {
  const [output, input] = pipe(t)
  const bytes = new Uint8Array(4)
  assert.equal(calls.setNonBlocking(output, 1) >= 0, true)
  assert.equal(calls.read(output, bytes), -EAGAIN)
  writeSync(input, 'bytes')
  assert.equal(calls.read(output, bytes), 4)
  assert.equal(Buffer.from(bytes).toString(), 'byte')
  assert.equal(calls.read(-1, bytes), -EBADF)
})

test('writev gathers buffers in order, as many as the kernel takes', needsAddon, t => {
  const [output, input] = pipe(t)
  assert.equal(calls.writev(input, [Buffer.from('a'), new Uint8Array(), Buffer.from('bc')]), 3)
  assert.equal(textOf(output), 'abc')
  const one = Buffer.from('x')
  assert.equal(calls.writev(input, Array<Buffer>(1024).fill(one)), 1024)
  assert.throws(() => calls.writev(input, Array<Buffer>(1025).fill(one)), TypeError)
  assert.throws(() => calls.writev(input, ['text'] as unknown as Buffer[]), TypeError)
})

test('copyFileRange copies between offsets, and 0 bytes at the end', needsAddon, t => {
  const source = memfd(t, 'abcdef')
  const target = memfd(t, '......')
  assert.equal(calls.copyFileRange(source, 2, target, 1, 3), 3)
  assert.equal(calls.copyFileRange(source, 6, target, 0, 3), 0)
  const seen = Buffer.alloc(6)
  readSync(target, seen, 0, 6, 0)
  assert.equal(seen.toString(), '.cde..')
})

test('ficlone of a descriptor that is not open says so', needsAddon, t => {
  assert.equal(calls.ficlone(memfd(t, ''), -1), -EBADF)
})

test('offsets are null or whole numbers from 0 on', needsAddon, t => {
  const [output, input] = pipe(t)
  for (const offset of [-1, '0', undefined] as unknown as number[]) {
    assert.throws(() => calls.splice(output, offset, input, null, 1, 0), TypeError)
  }
})

test('a pipe can be made larger', needsAddon, t => {
  const [, input] = pipe(t)
  assert.equal(calls.fcntl(input, calls.F_SETPIPE_SZ, 128 * 1024), 128 * 1024)
  assert.equal(calls.fcntl(input, calls.F_GETPIPE_SZ, 0), 128 * 1024)
})

function memfd(t: TestContext, content: string): number {
  const fd = owned(t, calls.memfdCreate('test', calls.MFD_CLOEXEC))
  writeSync(fd, content)
  return fd
}

function pipe(t: TestContext): [output: number, input: number] {
  const ends = new Int32Array(2)
  assert.equal(calls.pipe2(ends, calls.O_NONBLOCK | calls.O_CLOEXEC), 0)
  return [owned(t, ends[0]!), owned(t, ends[1]!)]
}

function text(socket: number): string {
  const bytes = Buffer.alloc(100)
  return bytes.toString('utf8', 0, calls.recv(socket, bytes, calls.MSG_DONTWAIT))
}

function textOf(fd: number): string {
  const bytes = Buffer.alloc(2000)
  return bytes.toString('utf8', 0, readSync(fd, bytes))
}
