/** What tee(2) and splice(2) may answer on the way to several sinks, and what the flow makes of it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { KiB } from '#sluice/base/units.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import type { SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { TeeFlow } from '#sluice/transfer/paths/tee.js'
import { Backlog } from '#sluice/transfer/paths/tee-backlog.js'
import { SpliceBranch } from '#sluice/transfer/paths/tee-branch.js'
import { Lane, type SlowSinks } from '#sluice/transfer/paths/tee-lane.js'
import { MemoryTeeSource } from '#sluice/transfer/paths/tee-source.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../../support/addon.js'
import { sha256 } from '../../support/contents.js'
import { Random, seedFromEnvironment } from '../../support/random.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, type Peer, type SocketPair, socketPair } from '../../support/sockets.js'

const { EAGAIN, EBADF, EINTR, EINVAL, ENOMEM, EPIPE } = constants.errno

test(
  'calls that move less than they could, nothing, or are interrupted, lose no byte',
  needsAddon,
  async t => {
    const seed = seedFromEnvironment()
    t.diagnostic(`SLUICE_SEED=${seed}`)
    const random = new Random(seed)
    const scripted = nativeWith({
      tee: (input, output, count, flags) =>
        random.pick([0, 0, 0, -EAGAIN, -EINTR]) || native!.tee(input, output, 1 + random.below(count), flags),
      // Not EAGAIN: where it is made up, nothing says when the socket has room.
      splice: (input, inAt, output, outAt, count, flags) =>
        random.pick([0, 0, 0, -EINTR]) ||
        native!.splice(input, inAt, output, outAt, 1 + random.below(count), flags),
    })
    const bytes = randomBytes(300 * KiB + 7)
    const { error, peers } = await played(t, { scripted, bytes, sinks: 4 })
    assert.equal(error, null)
    for (const peer of peers) assert.equal(sha256(await peer.take(bytes.length)), sha256(bytes))
  },
)

test('a tee that fails ends the transfer, or that sink alone', needsAddon, async t => {
  for (const [errno, code] of [
    [EINVAL, 'ERR_SLUICE_SYSCALL'],
    [EBADF, 'ERR_SLUICE_SYSCALL'],
    [ENOMEM, 'ERR_SLUICE_MEMORY'],
    [EPIPE, 'ERR_SLUICE_PEER_CLOSED'],
  ] as const) {
    const scripted = nativeWith({ tee: () => -errno })
    const bytes = randomBytes(1000)
    const failed = await played(t, { scripted, bytes, sinks: 2 })
    assert.ok(failed.error instanceof SluiceError)
    assert.equal(failed.error.code, code)
    assert.equal(failed.error.syscall, 'tee')
    const dropped = await played(t, { scripted, bytes, sinks: 2, slowSinks: 'drop' })
    assert.equal(dropped.error, null)
    assert.equal(dropped.lanes[1]!.dropped, true)
    assert.match(dropped.lanes[1]!.why, /tee failed/)
    assert.equal(sha256(await dropped.peers[0]!.take(1000)), sha256(bytes))
  }
})

test('what tee(2) documents is what the kernel says', needsAddon, t => {
  const [first, second] = [pipeOf(t), pipeOf(t)]
  const { tee, SPLICE_F_NONBLOCK } = native!
  assert.equal(tee(first[0], second[1], 1, SPLICE_F_NONBLOCK), -EAGAIN, 'nothing to duplicate')
  writeSync(first[1], 'x')
  assert.equal(tee(first[0], first[1], 1, SPLICE_F_NONBLOCK), -EINVAL, 'the same pipe')
  assert.equal(tee(first[0], 0x7fff_0000, 1, SPLICE_F_NONBLOCK), -EBADF, 'no descriptor')
  assert.equal(tee(first[1], second[1], 1, SPLICE_F_NONBLOCK), -EBADF, 'the end that is for writing')
})

test('a pipe is full by its pages, not by its bytes', needsAddon, t => {
  const pool = new PipePool(native!)
  const trunk = pool.take()
  const backlog = new Backlog(native!, pool, { pipes: 1, bytes: 1e9 })
  t.after(() => backlog.close())
  let taken = 0
  for (let got = 0; got !== -EAGAIN; ) {
    writeSync(trunk.writeFd, 'x')
    got = backlog.duplicate(trunk, 1)
    if (got > 0) taken += got
    readSync(trunk.readFd, Buffer.alloc(1))
  }
  assert.ok(taken < trunk.capacity, `${taken} single bytes filled a pipe of ${trunk.capacity}`)
  assert.equal(backlog.bytes, taken)
  trunk.close()
})

interface Play {
  readonly scripted: Native
  readonly bytes: Buffer
  readonly sinks: number
  readonly slowSinks?: SlowSinks
}

/** Runs a flow from memory to so many sockets. */
async function played(
  t: Ending,
  { scripted, bytes, sinks, slowSinks = 'wait' }: Play,
): Promise<{ error: unknown; lanes: Lane[]; peers: Peer[] }> {
  const engine = new PollEngine(native!)
  const pool = new PipePool(native!)
  const pairs: SocketPair[] = []
  for (let count = 0; count < sinks; count++) pairs.push(await socketPair(t))
  const lanes = pairs.map(() => new Lane(new Backlog(scripted, pool, { pipes: 2, bytes: 1e9 }), () => {}))
  const source = new MemoryTeeSource(scripted, { views: [bytes], bytes: bytes.length, region: null })
  const trunk = pool.take()
  const error = await new Promise(resolve => {
    const flow = new TeeFlow(engine, { source, trunk, lanes, slowSinks }, undefined, resolve)
    for (const [index, lane] of lanes.entries()) {
      const events = {
        moved: () => flow.onMoved(lane),
        refused: () => assert.fail('nothing is refused'),
        failed: (failure: unknown) => flow.onFailed(lane, failure),
      }
      lane.attach(new SpliceBranch(scripted, engine, holdOf(pairs[index]!.socket), lane.backlog, events))
    }
    flow.begin()
  })
  return { error, lanes, peers: pairs.map(pair => pair.peer) }
}

function holdOf(socket: object): SocketHold {
  return {
    fd: (socket as { _handle: { fd: number } })._handle.fd,
    open: true,
    ended: false,
    whyClosed: () => assert.fail('it is open'),
    onClose: () => {},
    touch: () => {},
    release: () => {},
  }
}

function pipeOf(t: Ending): [number, number] {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, 0), 0)
  t.after(() => ends.forEach(fd => void native!.close(fd)))
  return [ends[0]!, ends[1]!]
}
