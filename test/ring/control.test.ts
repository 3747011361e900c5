/** Operations that move no bytes, on real descriptors and threads. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import {
  CQE_MORE,
  DRAIN,
  HARDLINK,
  LINK,
  POLL_MULTISHOT,
  SKIP_SUCCESS,
  TIMEOUT_ABSOLUTE,
  TIMEOUT_MULTISHOT,
  TIMEOUT_SUCCESS,
} from '#sluice/ring/flags.js'
import { OP_FUTEX_WAIT } from '#sluice/ring/operations.js'
import { needsRing, pair, pipe, TestRing } from './support.js'

const { EAGAIN, EBADF, ECANCELED, ENOENT, ETIME } = constants.errno
const POLLIN = 1

test('user data comes back whole', needsRing, t => {
  const bench = new TestRing(t)
  bench.submissions.nop(-1, 0x7ffffffe)
  bench.submissions.nop(0x80000000 | 0, 0)
  assert.deepEqual(bench.take(2), [
    { low: -1, high: 0x7ffffffe, result: 0, flags: 0 },
    { low: 0x80000000 | 0, high: 0, result: 0, flags: 0 },
  ])
})

test('a ring takes any number of submissions, whatever its size', needsRing, t => {
  const bench = new TestRing(t, { entries: 4 })
  for (let index = 0; index < 1000; index++) {
    bench.submissions.nop(index, 0)
    // The completions must fit too.
    if (index % 8 === 7) bench.ring.reap(bench)
  }
  const order = bench.take(1000).map(({ low }) => low)
  assert.deepEqual(
    order.sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, index) => index),
  )
  assert.equal(bench.ring.inFlight, 0)
})

test('a timeout passes, is removed, or is given another span', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions } = bench
  const before = performance.now()
  submissions.timeout(20.5, 0, 0, 1, 0)
  assert.equal(bench.result(), -ETIME)
  assert.ok(performance.now() - before >= 20)

  submissions.timeout(60_000, 0, 0, 1, 7)
  submissions.timeout(60_000, 0, 0, 2, 7)
  submissions.removeTimeout(1, 7, 3, 0)
  submissions.updateTimeout(2, 7, 1, 4, 0)
  submissions.removeTimeout(9, 9, 5, 0)
  const results = bench.results(5)
  assert.deepEqual(Object.fromEntries(results), { 1: -ECANCELED, 2: -ETIME, 3: 0, 4: 0, 5: -ENOENT })
})

test('a timeout ends early when so many others completed', needsRing, t => {
  const bench = new TestRing(t)
  bench.submissions.timeout(60_000, 2, 0, 1, 0)
  bench.submissions.nop(2, 0)
  bench.submissions.nop(3, 0)
  assert.equal(bench.results(3).get(1), 0)
})

test('a timeout may be a time of the clock, may count as success, may come again', needsRing, t => {
  const bench = new TestRing(t)
  bench.submissions.timeout(1, 0, TIMEOUT_ABSOLUTE, 1, 0)
  assert.equal(bench.result(), -ETIME)
  bench.submissions.ensure(2)
  bench.submissions.timeout(1, 0, TIMEOUT_SUCCESS, 1, 0)
  bench.submissions.mark(LINK)
  bench.submissions.nop(2, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: -ETIME, 2: 0 })
  bench.submissions.timeout(1, 0, TIMEOUT_MULTISHOT, 1, 0)
  const [first, second] = bench.take(2)
  assert.equal(first!.result, -ETIME)
  assert.ok(first!.flags & CQE_MORE && second!.flags & CQE_MORE)
})

test('what takes too long is cancelled by the timeout that is linked to it', needsRing, t => {
  const bench = new TestRing(t)
  const [left] = pair(t)
  bench.submissions.ensure(2)
  bench.submissions.recv(left, bench.memory, 0, 1, 0, 1, 0)
  bench.submissions.mark(LINK)
  bench.submissions.linkTimeout(5, 0, 2, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: -ECANCELED, 2: -ETIME })
})

test('what is faster than the timeout linked to it cancels that', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  bench.submissions.ensure(3)
  bench.submissions.recv(left, bench.memory, 0, 1, 0, 1, 0)
  bench.submissions.mark(LINK)
  bench.submissions.linkTimeout(60_000, 0, 2, 0)
  bench.submissions.send(right, bench.memory, 8, 1, 0, 3, 0)
  assert.deepEqual(Object.fromEntries(bench.results(3)), { 1: 1, 2: -ECANCELED, 3: 1 })
})

test('a link goes on only after success, a hard link always', needsRing, t => {
  const bench = new TestRing(t)
  for (const [flags, second] of [
    [LINK, -ECANCELED],
    [HARDLINK, 0],
  ] as const) {
    bench.submissions.ensure(2)
    bench.submissions.recv(-1, bench.memory, 0, 1, 0, 1, 0)
    bench.submissions.mark(flags)
    bench.submissions.nop(2, 0)
    assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: -EBADF, 2: second })
  }
})

test('a chain is not cut where the ring is full', needsRing, t => {
  const bench = new TestRing(t, { entries: 4 })
  for (let index = 0; index < 3; index++) bench.submissions.nop(index, 0)
  bench.submissions.ensure(2)
  bench.submissions.recv(-1, bench.memory, 0, 1, 0, 10, 0)
  bench.submissions.mark(LINK)
  bench.submissions.nop(11, 0)
  assert.equal(bench.results(5).get(11), -ECANCELED)

  for (let index = 0; index < 4; index++) bench.submissions.nop(index, 0)
  bench.submissions.mark(LINK)
  assert.throws(() => bench.submissions.nop(5, 0), /ensure/)
  assert.throws(() => bench.submissions.ensure(5), RangeError)
  assert.equal(bench.take(4).length, 4)
})

test('a drain waits for everything before it', needsRing, t => {
  const bench = new TestRing(t)
  bench.submissions.timeout(10, 0, 0, 1, 0)
  bench.submissions.nop(2, 0)
  bench.submissions.mark(DRAIN)
  assert.deepEqual(
    bench.take(2).map(({ low }) => low),
    [1, 2],
  )
})

test('success is told only where it is not skipped, failure always', needsRing, t => {
  const bench = new TestRing(t)
  bench.submissions.nop(1, 5)
  bench.submissions.mark(SKIP_SUCCESS)
  bench.submissions.recv(-1, bench.memory, 0, 1, 0, 2, 5)
  bench.submissions.mark(SKIP_SUCCESS)
  bench.submissions.nop(3, 5)
  assert.equal(bench.ring.inFlight, 1)
  assert.deepEqual(
    bench.take(2).map(({ low, high, result }) => [low, high, result]),
    [
      [2, 5, -EBADF],
      [3, 5, 0],
    ],
  )
  assert.equal(bench.ring.inFlight, 0)
})

test('a chain cannot skip the success of what others are linked to', needsRing, t => {
  const bench = new TestRing(t)
  bench.submissions.nop(1, 0)
  bench.submissions.mark(LINK)
  assert.throws(() => bench.submissions.mark(SKIP_SUCCESS), /last of a chain/)
  bench.submissions.nop(2, 0)
  bench.take(2)
})

test('cancelling by user data, by descriptor and everything', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions, memory } = bench
  const [left, right] = pair(t)
  submissions.recv(left, memory, 0, 1, 0, 1, 3)
  submissions.recv(left, memory, 1, 1, 0, 2, 3)
  submissions.cancel(2, 3, 0, 10, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 2: -ECANCELED, 10: 0 })
  submissions.cancel(2, 3, 0, 11, 0)
  assert.equal(bench.result(), -ENOENT)

  submissions.recv(right, memory, 2, 1, 0, 3, 0)
  submissions.cancelDescriptor(left, 0, 12, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: -ECANCELED, 12: 1 })
  submissions.poll(left, POLLIN, 0, 4, 0)
  submissions.cancelAll(13, 0)
  assert.deepEqual(Object.fromEntries(bench.results(3)), { 3: -ECANCELED, 4: -ECANCELED, 13: 2 })
})

test('a poll completes once, or again and again until it is removed', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions, memory } = bench
  const [left, right] = pair(t)
  submissions.poll(left, POLLIN, 0, 1, 0)
  submissions.send(right, memory, 0, 1, 0, 2, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: POLLIN, 2: 1 })

  submissions.poll(left, POLLIN, POLL_MULTISHOT, 3, 0)
  const [armed] = bench.take(1)
  assert.ok(armed!.flags & CQE_MORE)
  submissions.send(right, memory, 0, 1, 0, 4, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 3: POLLIN, 4: 1 })
  submissions.removePoll(3, 0, 5, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 3: -ECANCELED, 5: 0 })
})

test('one ring sends another a completion', needsRing, t => {
  const from = new TestRing(t)
  const to = new TestRing(t)
  from.submissions.message(to.ring.fd, 11, 22, 33, 1, 0)
  assert.equal(from.result(), 0)
  assert.deepEqual(to.take(1), [{ low: 11, high: 22, result: 33, flags: 0 }])
  assert.equal(to.ring.inFlight, 0)
})

test('a futex is waited for and woken', needsRing, t => {
  const bench = new TestRing(t)
  if (!bench.ring.supports(OP_FUTEX_WAIT)) return t.skip('this kernel is older than 6.7')
  const { submissions, memory } = bench
  submissions.futexWait(memory, 64, 5, 1, 0)
  assert.equal(bench.result(), -EAGAIN)
  submissions.futexWait(memory, 64, 0, 2, 0)
  submissions.futexWake(memory, 64, 1, 3, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 2: 0, 3: 1 })
  // The field that only these use is clean for whoever has the entry next.
  const [left, right] = pipe(t)
  for (let index = 0; index < 2 * submissions.capacity; index++) {
    submissions.splice(left, -1, right, -1, 0, 0, 4, 0)
    assert.equal(bench.result(), 0)
  }
})
