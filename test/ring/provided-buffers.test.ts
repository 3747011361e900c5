/** Buffers that the kernel takes from: running out of them, giving them back, and mistakes. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { CQE_MORE } from '#sluice/ring/flags.js'
import { type Completion, calls, needsRing, pair, TestRing } from './support.js'

const { ENOBUFS } = constants.errno

test('where no buffer is left receiving ends, and goes on when it is armed anew', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  const buffers = bench.ring.provideBuffers({ group: 1, count: 2, bufferBytes: 4 })
  bench.submissions.recvMultishot(left, 1, 0, 1, 0)
  calls.send(right, Buffer.from('aaaabbbbcccc'), 0)
  const first = bench.take(3)
  assert.deepEqual(
    first.map(({ result, flags }) => [result, (flags & CQE_MORE) !== 0]),
    [
      [4, true],
      [4, true],
      [-ENOBUFS, false],
    ],
  )
  const numbers = first.slice(0, 2).map(({ flags }) => buffers.take(flags))
  assert.equal(buffers.taken, 2)
  for (const number of numbers) buffers.give(number)
  bench.submissions.recvMultishot(left, 1, 0, 2, 0)
  const [{ low, result, flags }] = bench.take(1) as [Completion]
  assert.deepEqual([low, result], [2, 4])
  const at = buffers.offset(buffers.take(flags))
  assert.equal(Buffer.from(buffers.memory.bytes.subarray(at, at + 4)).toString(), 'cccc')
})

test('buffers go round more often than their ring counts', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  const buffers = bench.ring.provideBuffers({ group: 0, count: 2, bufferBytes: 4 })
  bench.submissions.recvMultishot(left, 0, 0, 1, 0)
  bench.settle()
  // The ring's tail has 16 bits.
  for (let index = 0; index < 70_000; index++) {
    calls.send(right, Buffer.from('x'), 0)
    bench.ring.wait(1)
    bench.ring.reap(bench)
    const [{ result, flags }] = bench.completions.splice(0) as [Completion]
    assert.equal(result, 1)
    buffers.give(buffers.take(flags))
  }
})

test('a buffer that is given twice, or comes twice, is our own bug', needsRing, t => {
  const { ring } = new TestRing(t)
  const buffers = ring.provideBuffers({ group: 0, count: 2, bufferBytes: 4 })
  assert.throws(() => buffers.give(0), /without being taken/)
  assert.throws(() => buffers.give(2), /without being taken/)
  const number = buffers.take(1 << 16)
  assert.throws(() => buffers.take(1 << 16), /without being with the kernel/)
  assert.throws(() => buffers.take(2 << 16), /without being with the kernel/)
  buffers.give(number)
})

test('options and groups that are taken are refused', needsRing, t => {
  const { ring } = new TestRing(t)
  const options = { group: 0, count: 4, bufferBytes: 16 }
  ring.provideBuffers(options)
  assert.throws(() => ring.provideBuffers(options), {
    code: 'ERR_SLUICE_SYSCALL',
    syscall: 'io_uring_register',
  })
  for (const wrong of [{ count: 3 }, { count: 0 }, { count: 65_536 }, { group: -1 }, { bufferBytes: 0 }]) {
    assert.throws(() => ring.provideBuffers({ ...options, group: 1, ...wrong }), {
      code: 'ERR_SLUICE_OPTION',
    })
  }
})
