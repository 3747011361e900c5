/** Memory to a socket with MSG_ZEROCOPY, and when the kernel has let go of it. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { errnoName } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { holdDescriptor } from '#sluice/transfer/ends/descriptor-hold.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { holdSocket } from '#sluice/transfer/ends/socket-hold.js'
import type { MemoryPieces } from '#sluice/transfer/memory-pieces.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { zerocopyCopies } from '#sluice/transfer/zerocopy-notices.js'
import { needsAddon } from '../../support/addon.js'
import { sha256 } from '../../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../../support/descriptors.js'
import { pause, stopClock } from '../../support/eventually.js'
import { type FlowOptions, type Running, startFlow } from '../../support/memory-flows.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type SocketPair, socketPair } from '../../support/sockets.js'

const {
  EAGAIN,
  ECONNRESET,
  EFAULT,
  EINTR,
  EINVAL,
  EMFILE,
  ENOBUFS,
  ENOMEM,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
} = constants.errno

/** More than a peer that does not read takes: the rest stays with the sender, by reference. */
const length = 3 * MiB + 17

for (const size of [1, 4095, 4096, 4097, length]) {
  test(`${size} bytes arrive, and loopback copies them`, needsAddon, async t => {
    const { socket, peer } = await socketPair(t)
    const bytes = randomFillSync(Buffer.alloc(size))
    assert.equal(zerocopyCopies(native!, descriptorOf(socket)), false)
    const running = await start(socket, bytes)
    assert.deepEqual(await running.sent, { error: null, sentBytes: size })
    assert.equal(sha256(await peer.take(size)), sha256(bytes))
    assert.equal(await running.released, size)
    assert.deepEqual(running.calls, ['sent', 'released'])
    assert.equal(zerocopyCopies(native!, descriptorOf(socket)), true)
  })
}

test('several views go in order, empty ones among them', needsAddon, async t => {
  const { socket, peer } = await socketPair(t)
  const bytes = randomFillSync(Buffer.alloc(100 * KiB))
  const views = [bytes.subarray(0, 0), bytes.subarray(0, 7), bytes.subarray(7, 7), bytes.subarray(7)]
  const running = startFlow('zerocopy', await holdSocket(socket), {
    views,
    bytes: bytes.length,
    region: null,
  })
  assert.equal((await running.sent).error, null)
  assert.equal(sha256(await peer.take(bytes.length)), sha256(bytes))
})

test(
  'what a peer does not read is held on to until it does; the numbers go on with the next transfer',
  needsAddon,
  async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const bytes = randomFillSync(Buffer.alloc(length))
    const first = await start(socket, bytes.subarray(0, 1 * MiB))
    await first.sent
    const second = await start(socket, bytes.subarray(1 * MiB))
    await pause(20)
    assert.deepEqual([first.isReleased, second.isReleased], [false, false])
    assert.equal(sha256(await peer.take(length)), sha256(bytes))
    assert.equal((await second.sent).sentBytes, length - 1 * MiB)
    assert.ok((await first.released) <= 1 * MiB)
    await second.released
    const third = await start(socket, bytes.subarray(0, 10))
    await third.released
    assert.equal(await peer.take(length + 10).then(({ length }) => length), length + 10)
  },
)

test(
  'the process is idle while notices are missing, and the error queue is empty after',
  needsAddon,
  async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    socket.resume()
    const running = await start(socket, Buffer.alloc(1 * MiB))
    await running.sent
    const turns = await turnsWithin(50)
    assert.equal(running.isReleased, false)
    t.diagnostic(`${turns} iterations of the loop in 50 ms`)
    await peer.take(1 * MiB)
    await running.released
    assert.equal(native!.receiveError(descriptorOf(socket), new Uint32Array(5)), -EAGAIN)
    const turnsAfter = await turnsWithin(50)
    // What the draining is for: a notice that nobody reads.
    native!.send(descriptorOf(socket), Buffer.alloc(10), native!.MSG_ZEROCOPY | native!.MSG_DONTWAIT)
    const spinning = await turnsWithin(50)
    t.diagnostic(`${spinning} with an undrained error queue`)
    // On a busy machine the loop has other things to do now and then; a loop that spins does nothing else.
    assert.ok(
      Math.max(turns, turnsAfter) * 4 < spinning,
      `the loop does not wait: ${turns}, ${turnsAfter}, ${spinning}`,
    )
  },
)

test(
  'a socket that is destroyed sends what it has, ends, and only then the memory is free',
  needsAddon,
  async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const before = openDescriptors()
    const bytes = randomFillSync(Buffer.alloc(1 * MiB))
    const running = await start(socket, bytes)
    await running.sent
    socket.destroy()
    await pause(100)
    assert.equal(running.isReleased, false)
    assert.equal(sha256(await peer.take()), sha256(bytes))
    await running.released
    await descriptorsBackTo(before)
  },
)

test(
  'a socket that is destroyed while it is full fails, and frees the memory when the peer has the rest',
  needsAddon,
  async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const bytes = randomFillSync(Buffer.alloc(16 * MiB))
    const running = await start(socket, bytes)
    await pause(20)
    socket.destroy()
    const { error, sentBytes } = await running.sent
    assert.equal((error as { code: string }).code, 'ERR_SLUICE_SOCKET_CLOSED')
    assert.equal(running.isReleased, false)
    const received = await peer.take()
    assert.equal(received.length, sentBytes)
    assert.ok(received.equals(bytes.subarray(0, sentBytes)))
    await running.released
    assert.deepEqual(running.calls, ['sent', 'released'])
  },
)

test('a peer that resets the connection frees the memory', needsAddon, async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  socket.on('error', () => {})
  const running = await start(socket, Buffer.alloc(16 * MiB))
  await pause(20)
  assert.equal(running.isReleased, false)
  peer.socket.resetAndDestroy()
  const { error } = await running.sent
  assert.equal((error as { code: string }).code, 'ERR_SLUICE_PEER_CLOSED')
  await running.released
})

test('a socket that this side resets is reset, and the memory is free', needsAddon, async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  const running = await start(socket, Buffer.alloc(1 * MiB))
  await running.sent
  socket.resetAndDestroy()
  await running.released
  assert.ok((await peer.take()).length < 1 * MiB, 'the rest was dropped')
})

test('a destroyed socket whose peer takes nothing is reset after a minute', needsAddon, async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  const running = await start(socket, Buffer.alloc(1 * MiB))
  await running.sent
  const advance = stopClock(t)
  socket.destroy()
  await pause(300)
  assert.equal(running.isReleased, false)
  advance(60_001)
  await running.released
  assert.ok((await peer.take()).length < 1 * MiB, 'the rest was dropped')
})

test(
  'one socket under several descriptors has one count, and each may be closed when all is sent',
  needsAddon,
  async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const bytes = randomFillSync(Buffer.alloc(1 * MiB))
    const running: Running[] = []
    for (let count = 0; count < 3; count++) {
      const fd = native!.dup(descriptorOf(socket))
      const pieces = { views: [bytes], bytes: bytes.length, region: null }
      running.push(startFlow('zerocopy', holdDescriptor(native!, fd), pieces))
      const all = count < 2 ? null : peer.take(3 * MiB)
      assert.deepEqual(await running[count]!.sent, { error: null, sentBytes: 1 * MiB })
      native!.close(fd)
      await all
    }
    await Promise.all(running.map(({ released }) => released))
    assert.equal(sha256(peer.received), sha256(Buffer.concat([bytes, bytes, bytes])))
  },
)

test('a socket that was handed to somebody else is not ended', needsAddon, async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  const hold = await holdSocket(socket)
  const handedOver = {
    open: true,
    ended: false,
    destroyed: false,
    fd: hold.fd,
    touch: () => {},
    onClose: () => {},
  }
  const pieces = { views: [Buffer.alloc(1 * MiB)], bytes: 1 * MiB, region: null }
  const release = (): void => {
    handedOver.open = false
    hold.release()
  }
  const whyClosed = (): never => assert.fail('it is open until all is sent')
  const running = startFlow('zerocopy', Object.assign(handedOver, { release, whyClosed }), pieces)
  await running.sent
  await pause(300)
  assert.equal(running.isReleased, false)
  socket.write('and more')
  const all = await peer.take(1 * MiB + 8)
  assert.equal(all.subarray(-8).toString(), 'and more')
  await running.released
})

test(
  'an interruption ends the sending at once, and the memory is free when the peer has it',
  needsAddon,
  async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const running = await start(socket, Buffer.alloc(16 * MiB))
    await pause(10)
    const reason = new Error('enough')
    running.interrupt(reason)
    const { error, sentBytes } = await running.sent
    assert.equal(error, reason)
    await pause(20)
    assert.equal(running.isReleased, false)
    await peer.take(sentBytes)
    await running.released
  },
)

test(
  'a Unix socket and a pipe refuse, and so does a socket whose notices somebody else counts',
  needsAddon,
  async t => {
    const unix = await socketPair(t, { kind: 'Unix' })
    await assertRefused(
      await start(unix.socket, Buffer.alloc(10)),
      /^SO_ZEROCOPY is refused here \(ENOTSUP\)$/,
    )
    const ends = new Int32Array(2)
    assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
    t.after(() => ends.forEach(fd => void native!.close(fd)))
    const pipe = holdDescriptor(native!, ends[1]!)
    const pieces = { views: [Buffer.alloc(10)], bytes: 10, region: null }
    await assertRefused(startFlow('zerocopy', pipe, pieces), /ENOTSOCK/)
    const { socket } = await socketPair(t)
    const fd = descriptorOf(socket)
    assert.equal(native!.setsockoptInt(fd, native!.SOL_SOCKET, native!.SO_ZEROCOPY, 1), 0)
    await assertRefused(await start(socket, Buffer.alloc(10)), /somebody else has set SO_ZEROCOPY/)
  },
)

for (const [name, errno] of Object.entries({ EINVAL, ENOSYS, EOPNOTSUPP, EPERM })) {
  test(`${name} at the first send is a refusal, later it is a failure`, needsAddon, async t => {
    const { socket } = await socketPair(t)
    await assertRefused(
      await start(
        socket,
        Buffer.alloc(10),
        sends(() => -errno),
      ),
      new RegExp(errnoName(-errno)),
    )
    const other = await socketPair(t)
    const calls = sends((call, send) => (call === 0 ? send(100) : -errno))
    const running = await start(other.socket, Buffer.alloc(1000), calls)
    const { error, sentBytes } = await running.sent
    assert.deepEqual([(error as { code: string }).code, sentBytes], ['ERR_SLUICE_SYSCALL', 100])
    assert.equal(await running.released, 100)
  })
}

for (const [name, [errno, code]] of Object.entries({
  EPIPE: [EPIPE, 'ERR_SLUICE_PEER_CLOSED'],
  ECONNRESET: [ECONNRESET, 'ERR_SLUICE_PEER_CLOSED'],
  ENOMEM: [ENOMEM, 'ERR_SLUICE_MEMORY'],
  EFAULT: [EFAULT, 'ERR_SLUICE_SYSCALL'],
} as const)) {
  test(`${name} is ${code}, and what went before it is waited for`, needsAddon, async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const calls = sends((call, send) => (call === 0 ? send(1 * MiB) : -errno))
    const running = await start(socket, Buffer.alloc(2 * MiB), calls)
    const { error, sentBytes } = await running.sent
    assert.deepEqual([(error as { code: string }).code, (error as { errno: number }).errno], [code, -errno])
    assert.equal(running.isReleased, false)
    await peer.take(sentBytes)
    await running.released
  })
}

test('interrupted, full and short sends go on where they were', needsAddon, async t => {
  const { socket, peer } = await socketPair(t)
  const bytes = randomFillSync(Buffer.alloc(200 * KiB))
  const results = [-EINTR, 1, 4095, 2, -EINTR]
  const running = await start(
    socket,
    bytes,
    sends((call, send) => {
      const scripted = results[call] ?? 50_000
      return scripted < 0 ? scripted : send(scripted)
    }),
  )
  assert.equal((await running.sent).error, null)
  assert.equal(sha256(await peer.take(bytes.length)), sha256(bytes))
  assert.equal(await running.released, bytes.length)
})

test('where the memory for notices is used up the piece goes without the flag', needsAddon, async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  const bytes = randomFillSync(Buffer.alloc(300 * KiB))
  const flags: number[] = []
  const calls = nativeWith({
    send(fd, piece, flag) {
      flags.push(flag)
      const byReference = (flag & native!.MSG_ZEROCOPY) !== 0
      return byReference && flags.length > 1 ? -ENOBUFS : native!.send(fd, piece.subarray(0, 100 * KiB), flag)
    },
  })
  const running = await start(socket, bytes, { calls })
  await peer.take(bytes.length)
  assert.equal((await running.sent).error, null)
  assert.equal(sha256(peer.received), sha256(bytes))
  assert.ok((await running.released) >= 200 * KiB)
  assert.ok(flags.some(flag => (flag & native!.MSG_ZEROCOPY) === 0))
})

test('notices that may not be read are a refusal', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const calls = nativeWith({ receiveError: () => -EPERM })
  await assertRefused(
    await start(socket, Buffer.alloc(10), { calls }),
    /MSG_ERRQUEUE\) is refused here \(EPERM\)/,
  )
})

test(
  'a descriptor that cannot be duplicated is a refusal: nobody could wait for the notices',
  needsAddon,
  async t => {
    const { socket } = await socketPair(t)
    const calls = nativeWith({ dup: () => -EMFILE })
    await assertRefused(await start(socket, Buffer.alloc(10), { calls }), /cannot be duplicated \(EMFILE\)/)
  },
)

test('memory that is gone ends it', needsAddon, async t => {
  const { socket } = await socketPair(t, { reading: false })
  const bytes = new Uint8Array(16 * MiB)
  const running = await start(socket, bytes)
  await pause(5)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  socket.resume()
  running.interrupt(null)
  await running.sent
  const gone = await start((await socketPair(t)).socket, bytes, {}, 16 * MiB)
  assert.equal(((await gone.sent).error as { code: string }).code, 'ERR_SLUICE_CLOSED')
})

test('what onProgress throws ends it', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const failure = new Error('no further')
  const seen: number[] = []
  const running = await start(socket, Buffer.alloc(2 * MiB), {
    onProgress: sentBytes => {
      seen.push(sentBytes)
      throw failure
    },
  })
  const { error, sentBytes } = await running.sent
  assert.equal(error, failure)
  assert.deepEqual(seen, [sentBytes])
  await running.released
})

async function start(
  socket: SocketPair['socket'],
  bytes: Uint8Array,
  options: FlowOptions = {},
  length = bytes.length,
): Promise<Running> {
  const pieces: MemoryPieces = { views: [bytes], bytes: length, region: null }
  return startFlow('zerocopy', await holdSocket(socket), pieces, options)
}

/** Scripts send(2): `decide` is given the number of the call, from 0, and what sends so many bytes for real. */
function sends(decide: (call: number, send: (bytes: number) => number) => number): { calls: Native } {
  let call = 0
  const calls = nativeWith({
    send: (fd, bytes, flags) =>
      decide(call++, count => native!.send(fd, bytes.subarray(0, Math.min(count, bytes.length)), flags)),
  })
  return { calls }
}

async function assertRefused(running: Running, why: RegExp): Promise<void> {
  const { error, sentBytes } = await running.sent
  assert.ok(error instanceof PathRefused)
  assert.match(error.message, why)
  assert.deepEqual([sentBytes, await running.released], [0, 0])
}

/** How often the loop goes round in so many milliseconds if nobody asks it to. */
async function turnsWithin(ms: number): Promise<number> {
  const before = performance.nodeTiming.uvMetricsInfo.loopCount
  await pause(ms)
  return performance.nodeTiming.uvMetricsInfo.loopCount - before
}
