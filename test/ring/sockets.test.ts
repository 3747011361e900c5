/** Operations on sockets. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import {
  ANY_SLOT,
  AS_DESCRIPTOR,
  CQE_BUFFER,
  CQE_MORE,
  CQE_NOTIFICATION,
  FIXED_FILE,
  LINK,
  NOTIFICATION_COPIED,
  SEND_REPORT_USAGE,
} from '#sluice/ring/flags.js'
import { OP_SEND_ZC, OP_SENDMSG_ZC } from '#sluice/ring/operations.js'
import { type Completion, calls, connected, listening, needsRing, owned, pair, TestRing } from './support.js'

const { EBADF, ECANCELED, EINVAL, EPIPE } = constants.errno
const MSG_WAITALL = 0x100
const MSG_NOSIGNAL = 0x4000
const SOL_SOCKET = 1
const SO_SNDBUF = 7

test('one accept takes one connection', needsRing, t => {
  const bench = new TestRing(t)
  const { fd, port } = listening(t)
  bench.submissions.accept(fd, calls.SOCK_CLOEXEC, AS_DESCRIPTOR, 1, 0)
  const client = connected(t, port)
  const server = owned(t, bench.result())
  assert.equal(calls.send(client, Buffer.from('hello'), 0), 5)
  bench.submissions.recv(server, bench.memory, 100, 1000, 0, 2, 0)
  assert.equal(bench.result(), 5)
  assert.equal(bench.text(100, 5), 'hello')
})

test('a multishot accept takes all connections until it is cancelled', needsRing, t => {
  const bench = new TestRing(t)
  const { fd, port } = listening(t)
  bench.submissions.acceptMultishot(fd, calls.SOCK_CLOEXEC, AS_DESCRIPTOR, 1, 0)
  for (let index = 0; index < 3; index++) connected(t, port)
  for (const { low, result, flags } of bench.take(3)) {
    owned(t, result)
    assert.equal(low, 1)
    assert.ok(flags & CQE_MORE)
  }
  assert.equal(bench.ring.inFlight, 1)
  bench.submissions.cancel(1, 0, 0, 2, 0)
  const [first, second] = bench.take(2).sort((a, b) => a.low - b.low)
  assert.deepEqual([first!.result, first!.flags & CQE_MORE, second!.result], [-ECANCELED, 0, 0])
})

test('accepted connections can be registered files that were never descriptors', needsRing, t => {
  const bench = new TestRing(t)
  const { ring, submissions, memory } = bench
  const { fd, port } = listening(t)
  ring.files.open(8, 6)
  submissions.accept(fd, 0, 2, 1, 0)
  submissions.acceptMultishot(fd, 0, ANY_SLOT, 2, 0)
  const clients = [connected(t, port), connected(t, port)]
  const accepted = bench.results(2)
  assert.deepEqual([accepted.get(1), accepted.get(2)], [0, 6])
  bench.write(0, 'to a slot')
  for (const [index, slot] of [2, 6].entries()) {
    submissions.send(slot, memory, 0, 9, 0, 3, 0)
    submissions.mark(FIXED_FILE)
    assert.equal(bench.result(), 9)
    const got = Buffer.alloc(20)
    // Which of the clients the kernel gave to which accept is its own affair.
    const received = clients.map(client => calls.recv(client, got, calls.MSG_DONTWAIT))
    assert.equal(received.filter(count => count === 9).length, 1, `for slot ${index}`)
  }
  submissions.closeSlot(2, 4, 0)
  assert.equal(bench.result(), 0)
  submissions.send(2, memory, 0, 9, 0, 5, 0)
  submissions.mark(FIXED_FILE)
  assert.equal(bench.result(), -EBADF)
})

test('multishot receiving takes a buffer for each piece until the stream ends', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  const buffers = bench.ring.provideBuffers({ group: 3, count: 4, bufferBytes: 16 })
  bench.submissions.recvMultishot(left, 3, 0, 1, 0)
  bench.settle()
  for (const text of ['one', 'two', 'three']) {
    calls.send(right, Buffer.from(text), 0)
    const [{ result, flags }] = bench.take(1) as [Completion]
    assert.ok(flags & CQE_MORE && flags & CQE_BUFFER)
    assert.equal(result, text.length)
    const number = buffers.take(flags)
    const at = buffers.offset(number)
    assert.equal(Buffer.from(buffers.memory.bytes.subarray(at, at + result)).toString(), text)
    buffers.give(number)
  }
  calls.shutdown(right, calls.SHUT_WR)
  const [{ result, flags }] = bench.take(1) as [Completion]
  assert.deepEqual([result, flags & CQE_MORE, flags & CQE_BUFFER], [0, 0, 0])
  assert.equal(buffers.taken, 0)
})

test('a single receive takes a provided buffer too', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  const buffers = bench.ring.provideBuffers({ group: 0, count: 2, bufferBytes: 4 })
  calls.send(right, Buffer.from('abcdef'), 0)
  bench.submissions.recvProvided(left, 0, 0, 1, 0)
  const [{ result, flags }] = bench.take(1) as [Completion]
  assert.equal(result, 4)
  assert.equal(buffers.take(flags), 0)
  assert.equal(buffers.taken, 1)
})

test('a send may be short; with MSG_WAITALL the kernel goes on itself', needsRing, t => {
  const bench = new TestRing(t)
  const { submissions, memory } = bench
  const [left, right] = pair(t)
  assert.equal(calls.setsockoptInt(left, SOL_SOCKET, SO_SNDBUF, 1), 0)
  const length = 60_000
  submissions.send(left, memory, 0, length, calls.MSG_DONTWAIT, 1, 0)
  const short = bench.result()
  assert.ok(short > 0 && short < length, `${short} of ${length}`)
  submissions.send(left, memory, 0, length, MSG_WAITALL, 2, 0)
  assert.deepEqual(bench.settle(), [])
  const sink = Buffer.alloc(1 << 16)
  let received = 0
  while (received < short + length) {
    received += Math.max(0, calls.recv(right, sink, calls.MSG_DONTWAIT))
    bench.ring.wait(0)
  }
  assert.equal(bench.result(), length)
})

test('several pieces leave in one message', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  bench.write(0, 'head ')
  bench.write(5000, 'body')
  const vectors = bench.ring.vectors(2)
  vectors.set(0, bench.memory, 0, 5)
  vectors.set(1, bench.memory, 5000, 4)
  bench.submissions.sendmsg(left, vectors, 2, 0, 1, 0)
  assert.equal(bench.result(), 9)
  const got = Buffer.alloc(20)
  assert.equal(calls.recv(right, got, 0), 9)
  assert.equal(got.toString('latin1', 0, 9), 'head body')
  assert.throws(() => bench.submissions.sendmsg(left, vectors, 3, 0, 1, 0), RangeError)
  assert.throws(() => vectors.set(0, bench.memory, 65_000, 1000), RangeError)
})

test('a closed peer fails a send, and what is linked to it', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  calls.shutdown(right, 0)
  bench.submissions.ensure(2)
  bench.submissions.send(left, bench.memory, 0, 1, MSG_NOSIGNAL, 1, 0)
  bench.submissions.mark(LINK)
  bench.submissions.closeDescriptor(999_999, 2, 0)
  assert.deepEqual(Object.fromEntries(bench.results(2)), { 1: -EPIPE, 2: -ECANCELED })
})

test('shutdown ends the stream for the peer', needsRing, t => {
  const bench = new TestRing(t)
  const [left, right] = pair(t)
  bench.submissions.shutdown(left, calls.SHUT_WR, 1, 0)
  assert.equal(bench.result(), 0)
  assert.equal(calls.recv(right, Buffer.alloc(1), 0), 0)
})

test(
  'a zero-copy send tells when its bytes are no longer used, and whether they were copied',
  needsRing,
  t => {
    const bench = new TestRing(t)
    if (!bench.ring.supports(OP_SEND_ZC)) return t.skip('this kernel has no IORING_OP_SEND_ZC')
    const { submissions, memory } = bench
    const { client, server } = connection(t)
    bench.ring.buffers.register([memory])
    bench.write(0, 'x'.repeat(10_000))
    submissions.sendZeroCopy(client, memory, 0, 10_000, 0, SEND_REPORT_USAGE, 1, 9)
    checkZeroCopy(bench, server, 10_000)
    submissions.sendZeroCopyFixed(client, memory, 0, 10_000, 0, SEND_REPORT_USAGE, 0, 1, 9)
    checkZeroCopy(bench, server, 10_000)
  },
)

test('a zero-copy message has several pieces', needsRing, t => {
  const bench = new TestRing(t)
  if (!bench.ring.supports(OP_SENDMSG_ZC)) return t.skip('this kernel has no IORING_OP_SENDMSG_ZC')
  const { submissions, memory } = bench
  const { client, server } = connection(t)
  const vectors = bench.ring.vectors(2)
  vectors.set(0, memory, 0, 4000)
  vectors.set(1, memory, 20_000, 6000)
  submissions.sendmsgZeroCopy(client, vectors, 2, 0, SEND_REPORT_USAGE, 1, 9)
  checkZeroCopy(bench, server, 10_000)

  bench.ring.buffers.register([memory])
  submissions.sendmsgZeroCopyFixed(client, vectors, 2, 0, SEND_REPORT_USAGE, 0, 1, 9)
  const [first] = bench.take(1) as [Completion]
  // Before Linux 6.15 messages know no fixed buffers.
  if (first.result === -EINVAL) return t.diagnostic('this kernel has no fixed buffers for messages')
  bench.completions.unshift(first)
  checkZeroCopy(bench, server, 10_000)
})

test('a zero-copy send that fails has its last completion too', needsRing, t => {
  const bench = new TestRing(t)
  if (!bench.ring.supports(OP_SEND_ZC)) return t.skip('this kernel has no IORING_OP_SEND_ZC')
  bench.submissions.sendZeroCopy(-1, bench.memory, 0, 100, 0, 0, 1, 0)
  const [first] = bench.take(1) as [Completion]
  assert.equal(first.result, -EBADF)
  // The kernel may have promised a notification before it noticed.
  if (first.flags & CQE_MORE) assert.equal(bench.take(1)[0]!.flags, CQE_NOTIFICATION)
  assert.equal(bench.ring.inFlight, 0)
})

/** A connection over the loopback interface, both ends of it. */
function connection(t: TestContext): { client: number; server: number } {
  const { fd, port } = listening(t)
  const client = connected(t, port)
  return { client, server: owned(t, calls.accept4(fd, calls.SOCK_CLOEXEC)) }
}

/** Both completions of a zero-copy send, which over the loopback interface ends as a copy. */
function checkZeroCopy(bench: TestRing, server: number, bytes: number): void {
  const sink = Buffer.alloc(1 << 16)
  const [sent] = bench.take(1) as [Completion]
  assert.equal(sent.result, bytes)
  assert.ok(sent.flags & CQE_MORE)
  let received = 0
  while (received < bytes) received += calls.recv(server, sink, 0)
  assert.equal(received, bytes)
  const [notification] = bench.take(1) as [Completion]
  assert.deepEqual([notification.low, notification.high], [sent.low, sent.high])
  assert.equal(notification.flags & (CQE_NOTIFICATION | CQE_MORE), CQE_NOTIFICATION)
  assert.equal(notification.result, NOTIFICATION_COPIED)
  assert.equal(bench.ring.inFlight, 0)
}
