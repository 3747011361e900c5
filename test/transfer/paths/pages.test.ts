/** Memory that goes as pages, by vmsplice and by sendfile from its memfd: what arrives, what fails, what is replaced. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { defaultEngine } from '#sluice/engine/default.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { holdDescriptor } from '#sluice/transfer/ends/descriptor-hold.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { holdSocket } from '#sluice/transfer/ends/socket-hold.js'
import { type HeldMemory, holdMemory } from '#sluice/transfer/memory-pieces.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { VmspliceFlow } from '#sluice/transfer/paths/vmsplice.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../../support/addon.js'
import { sha256 } from '../../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../../support/descriptors.js'
import { pause } from '../../support/eventually.js'
import { pagePaths, startFlow } from '../../support/memory-flows.js'
import { nativeWith } from '../../support/scripted-native.js'
import { socketPair } from '../../support/sockets.js'

const { EAGAIN, ECONNRESET, EFAULT, EINTR, EINVAL, EMFILE, ENOMEM, ENOSYS, EPERM, EPIPE } = constants.errno
const sizes = [1, 4095, 4096, 4097, 1 * MiB, 3 * MiB + 17]

for (const path of pagePaths) {
  for (const kind of ['TCP', 'Unix'] as const) {
    for (const size of sizes) {
      test(`${path}: ${size} bytes of a lease arrive at a ${kind} socket`, needsAddon, async t => {
        const { socket, peer } = await socketPair(t, { kind })
        const { pool, held, bytes } = lease(t, size)
        const running = startFlow(path, await holdSocket(socket), held)
        const got = await peer.take(size)
        assert.deepEqual(await running.sent, { error: null, sentBytes: size })
        assert.equal(sha256(got), sha256(bytes))
        assert.equal(await running.released, 0)
        assert.deepEqual(running.calls, ['sent', 'released'])
        held.release()
        assert.equal(pool.free, 1)
      })
    }
  }

  test(`${path}: a pipe is a sink too, slow readers are waited for`, needsAddon, async t => {
    const size = 1 * MiB + 5
    const { held, bytes } = lease(t, size)
    const { readFd, writeFd } = pipe(t)
    const running = startFlow(path, holdDescriptor(native!, writeFd), held, { toPipe: true })
    await pause(10)
    assert.deepEqual(running.calls, [])
    const chunks: Buffer[] = []
    const reader = createReadStream('', { fd: readFd, autoClose: false, end: size - 1 })
    for await (const chunk of reader) chunks.push(chunk)
    assert.deepEqual(await running.sent, { error: null, sentBytes: size })
    assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes))
    await running.released
  })

  test(`${path}: a range that begins and ends within pages is that range`, needsAddon, async t => {
    const { socket, peer } = await socketPair(t)
    const region = new Region({ bytes: 2 * MiB })
    t.after(() => region.close())
    randomFillSync(region.bytes)
    const [start, end] = [4095, 1 * MiB + 4097]
    const held = holdMemory(memory(region, { start, end, stable: true }))
    const running = startFlow(path, await holdSocket(socket), held)
    const got = await peer.take(end - start + 1)
    await running.released
    held.release()
    // And the region keeps its bytes: what is stable is not replaced.
    assert.equal(sha256(got), sha256(region.bytes.subarray(start, end + 1)))
  })

  test(`${path}: pages that must stay are a refusal, and the lease is as it was`, needsAddon, async t => {
    const { socket } = await socketPair(t)
    const { pool, held, bytes } = lease(t, 5000)
    const allow = pool.region.pages.keep('a ring goes by them')
    const { error, sentBytes } = await startFlow(path, await holdSocket(socket), held).sent
    assert.ok(error instanceof PathRefused)
    assert.equal(error.message, `${path} is refused here (a ring goes by them)`)
    assert.equal(sentBytes, 0)
    assert.deepEqual(Buffer.from(held.views[0]!), bytes)
    allow()
  })

  test(`${path}: memory without a descriptor is a refusal`, needsAddon, async t => {
    const { socket } = await socketPair(t)
    const held = holdMemory(memory(new Uint8Array(10)))
    const running = startFlow(path, await holdSocket(socket), held)
    assert.ok((await running.sent).error instanceof PathRefused)
    assert.equal(await running.released, 0)
  })

  test(`${path}: an interruption ends it at once, and the pages are replaced`, needsAddon, async t => {
    const { socket, peer } = await socketPair(t, { reading: false })
    const { held, bytes } = lease(t, 16 * MiB)
    const running = startFlow(path, await holdSocket(socket), held)
    await pause(10)
    const reason = new Error('enough')
    running.interrupt(reason)
    const { error, sentBytes } = await running.sent
    assert.equal(error, reason)
    await running.released
    assert.ok(held.views[0]!.every(byte => byte === 0))
    held.release()
    assert.ok((await peer.take(sentBytes)).equals(bytes.subarray(0, sentBytes)))
  })

  test(`${path}: a socket that is destroyed, or reset by its peer, ends it`, needsAddon, async t => {
    for (const [end, code] of [
      [(socket: Socket) => socket.destroy(), 'ERR_SLUICE_SOCKET_CLOSED'],
      [(_: Socket, peer: Socket) => peer.resetAndDestroy(), 'ERR_SLUICE_PEER_CLOSED'],
    ] as const) {
      const { socket, peer } = await socketPair(t, { reading: false })
      socket.on('error', () => {})
      const { held } = lease(t, 16 * MiB)
      const running = startFlow(path, await holdSocket(socket), held)
      await pause(10)
      end(socket, peer.socket)
      assert.equal(((await running.sent).error as { code: string }).code, code)
      await running.released
      assert.deepEqual(running.calls, ['sent', 'released'])
    }
  })

  test(`${path}: what onProgress throws ends it`, needsAddon, async t => {
    const { socket } = await socketPair(t)
    const { held } = lease(t, 3 * MiB)
    const failure = new Error('no further')
    const onProgress = (): never => {
      throw failure
    }
    const running = startFlow(path, await holdSocket(socket), held, { onProgress })
    const { error, sentBytes } = await running.sent
    assert.equal(error, failure)
    assert.ok(sentBytes > 0)
    await running.released
  })

  test(`${path}: it leaves no descriptor behind`, needsAddon, async t => {
    const { socket, peer } = await socketPair(t)
    const send = async (size: number): Promise<void> => {
      const { held } = lease(t, size)
      await startFlow(path, await holdSocket(socket), held).released
      held.release()
    }
    await send(100 * KiB)
    const before = openDescriptors()
    for (let count = 0; count < 20; count++) await send(100 * KiB)
    // The pools' memfds.
    await descriptorsBackTo([...before, ...Array.from({ length: 20 }, () => '')])
    await peer.take(21 * 100 * KiB)
  })

  const first = path === 'vmsplice' ? 'vmsplice' : 'sendfile'
  for (const [name, errno] of Object.entries({ EINVAL, ENOSYS, EPERM })) {
    test(`${path}: ${name} at the first call is a refusal, later it is a failure`, needsAddon, async t => {
      const refused = await run(t, path, { [first]: () => -errno }, 5000)
      assert.ok(refused.error instanceof PathRefused)
      assert.match((refused.error as Error).message, new RegExp(`^${first} is refused here \\(${name}\\)$`))
      let call = 0
      const real = native![first] as (...args: unknown[]) => number
      const later = { [first]: (...args: unknown[]) => (call++ === 0 ? real(...args) : -errno) }
      const failed = await run(t, path, later, 3 * MiB)
      assert.equal((failed.error as { code: string }).code, 'ERR_SLUICE_SYSCALL')
      assert.ok(failed.sentBytes > 0)
    })
  }

  for (const [name, [errno, code]] of Object.entries({
    EPIPE: [EPIPE, 'ERR_SLUICE_PEER_CLOSED'],
    ECONNRESET: [ECONNRESET, 'ERR_SLUICE_PEER_CLOSED'],
    ENOMEM: [ENOMEM, 'ERR_SLUICE_MEMORY'],
    EFAULT: [EFAULT, 'ERR_SLUICE_SYSCALL'],
  } as const)) {
    test(`${path}: ${name} is ${code}, and the memory is let go of`, needsAddon, async t => {
      const { error } = await run(t, path, { [first]: () => -errno }, 5000)
      assert.deepEqual([(error as { code: string }).code, (error as { errno: number }).errno], [code, -errno])
    })
  }
}

test('vmsplice: interrupted, full and partial calls at both sides of the pipe go on', needsAddon, async t => {
  const size = 300 * KiB + 3
  const { socket, peer } = await socketPair(t)
  const { held, bytes } = lease(t, size)
  let calls = 0
  const scripted = nativeWith({
    vmsplice: (fd, piece, flags) =>
      calls++ % 3 === 0 ? -EINTR : native!.vmsplice(fd, piece.subarray(0, 5000 + calls), flags),
    splice: (input, inOffset, out, outOffset, count, flags) =>
      calls++ % 4 === 0
        ? -EINTR
        : native!.splice(input, inOffset, out, outOffset, Math.min(count, 4097), flags),
  })
  const running = startFlow('vmsplice', await holdSocket(socket), held, { calls: scripted })
  const got = await peer.take(size)
  assert.deepEqual(await running.sent, { error: null, sentBytes: size })
  assert.equal(sha256(got), sha256(bytes))
})

test(
  'vmsplice: what splice refuses at once is a refusal that leaves the bytes for another path',
  needsAddon,
  async t => {
    const { error, held, bytes } = await run(t, 'vmsplice', { splice: () => -EINVAL }, 5000)
    assert.ok(error instanceof PathRefused)
    assert.equal(error.message, 'splice is refused here (EINVAL)')
    assert.deepEqual(Buffer.from(held.views[0]!), bytes)
  },
)

test('vmsplice: a pipe that is not empty is not used again', needsAddon, async t => {
  const before = openDescriptors()
  await run(t, 'vmsplice', { splice: () => -ECONNRESET }, 5000)
  for (const name of openDescriptors().filter(name => name.startsWith('pipe:')))
    assert.ok(before.includes(name), `${name} stays open`)
})

test('vmsplice: where no pipe can be opened it fails, and the memory is let go of', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const { held } = lease(t, 10)
  const empty = new PipePool(nativeWith({ pipe2: () => -EMFILE }))
  const seen: unknown[] = []
  const ends = {
    sent: (error: unknown) => void seen.push((error as { code: string }).code),
    released: (copied: number) => void seen.push(copied),
  }
  new VmspliceFlow(native!, defaultEngine()!, await holdSocket(socket), held, undefined, ends, empty).begin()
  assert.deepEqual(seen, ['ERR_SLUICE_DESCRIPTORS', 0])
})

test('vmsplice: a pipe whose reader is gone is a peer that has closed', needsAddon, async t => {
  const { held } = lease(t, 10)
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  native!.close(ends[0]!)
  t.after(() => native!.close(ends[1]!))
  const { error } = await startFlow('vmsplice', holdDescriptor(native!, ends[1]!), held, { toPipe: true })
    .sent
  assert.deepEqual(
    [(error as { code: string }).code, (error as { errno: number }).errno],
    ['ERR_SLUICE_PEER_CLOSED', -EPIPE],
  )
})

test(
  'vmsplice: a full sink is waited for with bytes in the pipe, which go before all others',
  needsAddon,
  async t => {
    const size = 200 * KiB
    const { socket, peer } = await socketPair(t)
    const { held, bytes } = lease(t, size)
    let calls = 0
    const scripted = nativeWith({
      splice: (input, inOffset, out, outOffset, count, flags) =>
        calls++ % 2 === 1
          ? -EAGAIN
          : native!.splice(input, inOffset, out, outOffset, Math.min(count, 50_000), flags),
      // Without a watch the flow is stepped now and then.
      epollControl: () => -ENOMEM,
    })
    const engine = new PollEngine(scripted)
    const running = startFlow('vmsplice', await holdSocket(socket), held, { calls: scripted, engine })
    const got = await peer.take(size)
    assert.deepEqual(await running.sent, { error: null, sentBytes: size })
    assert.equal(sha256(got), sha256(bytes))
  },
)

function lease(t: TestContext, size: number): { pool: Pool; held: HeldMemory; bytes: Buffer } {
  const pool = new Pool({ slots: 1, slotBytes: size, verify: true })
  const lease = pool.tryTake()!
  const bytes = randomFillSync(Buffer.alloc(size))
  lease.bytes.set(bytes)
  const held = holdMemory(memory(lease))
  t.after(() => {
    if (pool.inFlight > 0) held.release()
    return pool.close()
  })
  return { pool, held, bytes }
}

function pipe(t: TestContext): { readFd: number; writeFd: number } {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  t.after(() => ends.forEach(fd => void native!.close(fd)))
  return { readFd: ends[0]!, writeFd: ends[1]! }
}

/** Runs a flow on scripted calls, to a peer that reads. */
async function run(
  t: TestContext,
  path: (typeof pagePaths)[number],
  calls: Partial<Native>,
  size: number,
): Promise<{ error: unknown; sentBytes: number; held: HeldMemory; bytes: Buffer }> {
  const { socket } = await socketPair(t)
  const { held, bytes } = lease(t, size)
  const running = startFlow(path, await holdSocket(socket), held, { calls: nativeWith(calls) })
  const { error, sentBytes } = await running.sent
  assert.equal(await running.released, 0)
  return { error, sentBytes, held, bytes }
}
