/** Several sinks that are not equally fast: who sets the pace, and who is left behind. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { socket } from '#sluice/transfer/ends/endpoints.js'
import { stallMs } from '#sluice/transfer/paths/stall.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { pause } from '../support/eventually.js'
import { much, plenty, plentySha256, severalPaths, sourceSocket, stalls } from '../support/several-ends.js'
import { socketPair } from '../support/sockets.js'

for (const prefer of severalPaths) {
  test(`${prefer}: with wait, the slowest sink stops the source, and nothing is lost`, async t => {
    const { source, from } = await sourceSocket(t)
    const fast = await socketPair(t)
    const slow = await socketPair(t, { reading: false })
    from.socket.end(plenty)
    const sent = transfer(source, [socket(fast.socket), socket(slow.socket)], { prefer, slowSinks: 'wait' })
    await stalls(() => fast.peer.bytes)
    assert.ok(fast.peer.bytes < much, 'back-pressure reaches the sender')
    assert.equal(sha256(await slow.peer.take(much)), plentySha256)
    assert.equal(sha256(await fast.peer.take(much)), plentySha256)
    assert.equal((await sent).sinks[1]!.bytes, much)
  })

  test(`${prefer}: with drop, a sink that does not read is left behind, and the first gets all`, async t => {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const stuck = await socketPair(t, { reading: false })
    from.socket.end(plenty)
    const sent = transfer(source, [socket(first.socket), socket(stuck.socket)], { prefer, slowSinks: 'drop' })
    const { bytes: count, sinks } = await sent
    assert.equal(count, much)
    assert.equal(sha256(await first.peer.take(much)), plentySha256)
    assert.equal(sinks[0]!.dropped, false)
    assert.equal(sinks[1]!.dropped, true)
    assert.match(sinks[1]!.why!, /too slow/)
    stuck.socket.end()
    const got = await stuck.peer.take()
    assert.ok(got.length < much && got.length >= sinks[1]!.bytes)
    assert.equal(sha256(got), sha256(plenty.subarray(0, got.length)), 'what it got is the beginning')
  })

  test(`${prefer}: with drop, the first sink still sets the pace`, async t => {
    const { source, from } = await sourceSocket(t)
    const slow = await socketPair(t, { reading: false })
    const other = await socketPair(t)
    from.socket.end(plenty)
    const sent = transfer(source, [socket(slow.socket), socket(other.socket)], { prefer, slowSinks: 'drop' })
    await stalls(() => other.peer.bytes)
    const stalledAt = other.peer.bytes
    assert.ok(stalledAt < much)
    await slow.peer.take(much)
    // Now that the first takes all there is, it is the other that may fall behind.
    const [first, second] = (await sent).sinks
    assert.deepEqual([first!.bytes, first!.dropped], [much, false])
    assert.ok(second!.bytes >= stalledAt)
  })
}

test('with drop, a sink that is not connected yet gets all, too', needsAddon, async t => {
  const { source, from } = await sourceSocket(t)
  const first = await socketPair(t)
  const late = await socketPair(t, { reading: false })
  // Its queue is full of what was written before, so it cannot be used yet.
  late.socket.write(plenty)
  const sent = transfer(source, [socket(first.socket), socket(late.socket)], { slowSinks: 'drop' })
  const bytes = randomBytes(200_000)
  from.socket.end(bytes)
  assert.equal(sha256(await first.peer.take(bytes.length)), sha256(bytes))
  const all = await late.peer.take(much + bytes.length)
  assert.equal(sha256(all.subarray(much)), sha256(bytes))
  assert.equal((await sent).sinks[1]!.dropped, false)
})

test('a sink that stalls at the end is dropped after a while', async t => {
  for (const prefer of severalPaths) {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const stuck = await socketPair(t, { reading: false })
    stuck.socket.write(plenty)
    from.socket.end('a few bytes')
    const sent = await transfer(source, [socket(first.socket), socket(stuck.socket)], {
      prefer,
      slowSinks: 'drop',
    })
    assert.equal(sent.sinks[1]!.dropped, true)
    assert.match(sent.sinks[1]!.why!, /after the first sink had everything/)
  }
})

test('a loop that was held up does not count against a sink', needsAddon, async t => {
  for (const prefer of severalPaths) {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const late = await socketPair(t, { reading: false })
    // It takes nothing before somebody reads, which the loop keeps from happening for longer than a sink may stall.
    late.socket.write(plenty)
    from.socket.end('a few bytes')
    const sent = transfer(source, [socket(first.socket), socket(late.socket)], { prefer, slowSinks: 'drop' })
    await first.peer.take(11)
    await pause(10)
    void late.peer.take()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs + 100)
    assert.equal((await sent).sinks[1]!.dropped, false, prefer)
  }
})
