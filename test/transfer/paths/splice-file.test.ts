/** File to socket and pipe by splice, under results that a kernel may give, but seldom does while one waits for it. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { errnoName } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { holdDescriptor } from '#sluice/transfer/ends/descriptor-hold.js'
import { holdSocket, type SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { SpliceFileFlow, SpliceFileToPipeFlow } from '#sluice/transfer/paths/splice-file.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../../support/addon.js'
import { randomFile, sha256 } from '../../support/contents.js'
import { openFifo } from '../../support/fifo.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, socketPair } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const { EAGAIN, EINTR, EINVAL, EIO, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM, EPIPE, ESPIPE, EBADF } =
  constants.errno
const length = 2 * MiB + 5

/** Which half of the way a call is. */
type Half = 'fill' | 'drain'
type Decide = (half: Half, call: number, count: number) => number

test('interrupted calls are made again, short ones gone on from', needsAddon, async t => {
  const scripts: Decide[] = [
    (_half, call, count) => (call % 2 === 0 ? -EINTR : count),
    (half, call, count) =>
      half === 'fill' ? Math.min(count, 10_007) : call % 3 ? count : Math.min(count, 777),
    (half, call, count) => (call < 50 ? 1 : half === 'drain' ? Math.min(count, 64 * KiB + 1) : count),
  ]
  for (const decide of scripts) {
    const { error, sentBytes, received, bytes } = await toSocket(t, decide)
    assert.equal(error, null)
    assert.equal(sentBytes, length)
    assert.equal(sha256(received), sha256(bytes))
  }
})

test('a full socket is waited for, with bytes in the pipe', needsAddon, async t => {
  const { error, received, bytes } = await toSocket(
    t,
    (half, call, count) => (half === 'drain' && call % 2 === 0 ? -EAGAIN : count),
    // The watch fails as well, so that each wait ends with the turn.
    { epollControl: () => -constants.errno.ENOSPC },
  )
  assert.equal(error, null)
  assert.equal(sha256(received), sha256(bytes))
})

for (const [name, errno] of Object.entries({ EINVAL, ENOSYS, EOPNOTSUPP, EPERM })) {
  test(
    `${name} at the first call, on either half, is a refusal; later it is a failure`,
    needsAddon,
    async t => {
      for (const refusing of ['fill', 'drain'] as const) {
        const script: Decide = (half, _call, count) => (half === refusing ? -errno : count)
        const { error, sentBytes, kept, received } = await toSocket(t, script)
        assert.ok(error instanceof PathRefused)
        assert.equal(error.message, `splice is refused here (${errnoName(-errno)})`)
        assert.equal(sentBytes + received.length, 0)
        assert.equal(kept, refusing === 'fill', 'a pipe with bytes in it is not kept')
      }
      const later: Decide = (half, call, count) => (half === 'fill' && call > 0 ? -errno : count)
      const { error, sentBytes } = await toSocket(t, later)
      assert.equal((error as { code: string }).code, 'ERR_SLUICE_SYSCALL')
      assert.ok(sentBytes > 0)
    },
  )
}

const failures = {
  EPIPE: ['ERR_SLUICE_PEER_CLOSED', EPIPE],
  EIO: ['ERR_SLUICE_FILE', EIO],
  ENOMEM: ['ERR_SLUICE_MEMORY', ENOMEM],
  EBADF: ['ERR_SLUICE_SYSCALL', EBADF],
  ESPIPE: ['ERR_SLUICE_SYSCALL', ESPIPE],
} as const
for (const [name, [code, errno]] of Object.entries(failures)) {
  test(`${name} in the middle is ${code}, with the bytes before it`, needsAddon, async t => {
    for (const failing of ['fill', 'drain'] as const) {
      const script: Decide = (half, call, count) => (half === failing && call >= 2 ? -errno : count)
      const { error, sentBytes, received, bytes } = await toSocket(t, script)
      assert.equal((error as { code: string }).code, code)
      assert.equal((error as { errno: number }).errno, -errno)
      assert.match((error as Error).message, new RegExp(`splice failed with ${name}`))
      assert.ok(sentBytes > 0)
      assert.equal(sha256(received), sha256(bytes.subarray(0, sentBytes)))
    }
  })
}

test('a file that ends early fails it', needsAddon, async t => {
  const script: Decide = (half, call, count) => (half === 'fill' && call > 0 ? 0 : count)
  const { error, sentBytes } = await toSocket(t, script)
  assert.equal((error as { code: string }).code, 'ERR_SLUICE_FILE_SHRANK')
  assert.match((error as Error).message, new RegExp(`${length - sentBytes} bytes early`))
})

test('an interruption leaves nothing in a pipe that is used again', needsAddon, async t => {
  const script: Decide = (half, call, count) => (half === 'drain' && call > 0 ? -EAGAIN : count)
  const failure = new Error('enough')
  const { error, kept } = await toSocket(t, script, {}, flow => flow.interrupt(failure))
  assert.equal(error, failure)
  assert.equal(kept, false)
})

test('to a pipe it takes one call, without a pipe in between', needsAddon, async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const fileFd = openSync(path, 'r')
  t.after(() => closeSync(fileFd))
  const { fd, reader, end } = openFifo(t)
  let calls = 0
  const scripted = nativeWith({
    splice(input, at, out, outAt, count, flags) {
      assert.deepEqual([input, out], [fileFd, fd])
      return ++calls % 3 === 0 ? -EINTR : native!.splice(input, at, out, outAt, count, flags)
    },
  })
  const hold = holdDescriptor(scripted, fd)
  const error = await new Promise(resolve => {
    const sending = { ...sendingOf(scripted, hold), range: { fd: fileFd, start: 0, length } }
    new SpliceFileToPipeFlow(sending, resolve).begin()
  })
  hold.release()
  assert.equal(error, null)
  end()
  assert.equal(sha256(await reader.take()), sha256(bytes))
})

function sendingOf(scripted: Native, hold: SocketHold) {
  return { native: scripted, engine: new PollEngine(scripted), hold, prefix: null, onProgress: undefined }
}

/** One flow with these results of splice → how it ended, what the peer got, and whether the pipe was kept. */
async function toSocket(
  t: Ending,
  decide: Decide,
  calls: Partial<Native> = {},
  whenBegun: (flow: SpliceFileFlow) => void = () => {},
) {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const { socket: sink, peer } = await socketPair(t)
  const fileFd = openSync(path, 'r')
  t.after(() => closeSync(fileFd))
  const made = { fill: 0, drain: 0 }
  const scripted = nativeWith({
    splice(input, at, out, outAt, count, flags) {
      const half = input === fileFd ? 'fill' : 'drain'
      const allowed = decide(half, made[half]++, count)
      return allowed <= 0 ? allowed : native!.splice(input, at, out, outAt, allowed, flags)
    },
    ...calls,
  })
  const pipes = new PipePool(scripted)
  const pipe = pipes.take()
  pipes.give(pipe, true)
  const hold = (await holdSocket(sink)) as SocketHold
  const sending = { ...sendingOf(scripted, hold), range: { fd: fileFd, start: 0, length } }
  const { error, sentBytes } = await new Promise<{ error: unknown; sentBytes: number }>(resolve => {
    const flow = new SpliceFileFlow(sending, (error, sentBytes) => resolve({ error, sentBytes }), pipes)
    flow.begin()
    whenBegun(flow)
  })
  hold.release()
  sink.end()
  const next = pipes.take()
  const kept = next === pipe
  pipes.give(next, false)
  return { error, sentBytes, kept, received: await peer.take(), bytes }
}
