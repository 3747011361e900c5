/** Completions: more than the ring holds, handlers that throw, and who may reap. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CQE_MORE } from '#sluice/ring/flags.js'
import { type Completion, needsRing, pair, TestRing } from './support.js'

test('completions that overflow the ring all arrive, in their order', needsRing, t => {
  const bench = new TestRing(t, { entries: 8, completions: 8 })
  const count = 200
  for (let round = 0; round < count; round += 8) {
    for (let index = 0; index < 8; index++) bench.submissions.nop(round + index, 0)
    bench.ring.wait(0)
  }
  assert.ok(bench.ring.overflowed)
  assert.equal(bench.ring.inFlight, count)
  assert.deepEqual(
    bench.take(count).map(({ low }) => low),
    Array.from({ length: count }, (_, index) => index),
  )
  assert.ok(!bench.ring.overflowed)
  assert.equal(bench.ring.inFlight, 0)
})

test('a multishot ends rather than overflow, or its completions all come', needsRing, t => {
  const bench = new TestRing(t, { entries: 4, completions: 4 })
  const [left, right] = pair(t)
  const buffers = bench.ring.provideBuffers({ group: 0, count: 64, bufferBytes: 1 })
  const bytes = 32
  bench.write(0, 'x'.repeat(bytes))
  bench.submissions.send(right, bench.memory, 0, bytes, 0, 2, 0)
  assert.equal(bench.result(), bytes)
  let received = 0
  // Armed anew whenever it ended, until everything is there.
  while (received < bytes) {
    bench.submissions.recvMultishot(left, 0, 0, 1, 0)
    for (;;) {
      const [{ result, flags }] = bench.take(1) as [Completion]
      if (result > 0) {
        received += result
        buffers.give(buffers.take(flags))
      }
      if ((flags & CQE_MORE) === 0 || received === bytes) break
    }
  }
  assert.equal(received, bytes)
})

test('what a handler throws loses no completion', needsRing, t => {
  const bench = new TestRing(t)
  for (let index = 0; index < 6; index++) bench.submissions.nop(index, 0)
  bench.ring.wait(0)
  const seen: number[] = []
  const handler = {
    onCompletion(low: number): void {
      seen.push(low)
      if (low % 2 === 1) throw new Error(`thrown at ${low}`)
    },
  }
  for (let turn = 1; turn < 6; turn += 2) {
    assert.throws(() => bench.ring.reap(handler), { message: `thrown at ${turn}` })
    // Waiting would be in vain: there is something to do.
    if (turn < 5) bench.ring.wait(60_000)
  }
  assert.equal(bench.ring.reap(handler), 0)
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5])
})

test('a handler prepares, and does not reap', needsRing, t => {
  const bench = new TestRing(t, { entries: 4 })
  let left = 100
  const handler = {
    onCompletion(low: number): void {
      assert.throws(() => bench.ring.reap(handler), /by a handler/)
      if (left-- > 0) bench.submissions.nop(low + 1, 0)
    },
  }
  bench.submissions.nop(0, 0)
  while (bench.ring.inFlight > 0) {
    bench.ring.wait(100)
    bench.ring.reap(handler)
  }
  assert.equal(left, -1)
})
