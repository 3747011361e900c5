/** What splice(2) may answer, in any order, and what the flows from stream to stream make of it. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { type ErrorCode, SluiceError } from '#sluice/base/errors.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import type { SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { SourceHold } from '#sluice/transfer/ends/source-hold.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { SpliceFlow } from '#sluice/transfer/paths/splice.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../../support/addon.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, socketPair } from '../../support/sockets.js'

const {
  EAGAIN,
  EBADF,
  ECONNRESET,
  EINTR,
  EINVAL,
  EMFILE,
  ENOMEM,
  ENOSYS,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  ESPIPE,
} = constants.errno
const pipeFds = { readFd: 1001, writeFd: 1002, capacity: 65_536 }

test(
  'a source that fails has failed once what came before is sent, although it then looks ended',
  needsAddon,
  async t => {
    const { error, sentBytes } = await played(t, { into: [4, -ECONNRESET, 0], out: [1, 3] })
    assert.ok(error instanceof SluiceError)
    assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.equal(sentBytes, 4)
  },
)

test(
  'a source that ends has ended well once what came before is sent, in however many pieces',
  needsAddon,
  async t => {
    const { error, sentBytes, leftBytes } = await played(t, { into: [4, 0], out: [1, 1, 2] })
    assert.equal(error, null)
    assert.equal(sentBytes, 4)
    assert.equal(leftBytes, 0)
  },
)

test('interrupted calls are made again, at both ends', needsAddon, async t => {
  const { error, sentBytes } = await played(t, { into: [-EINTR, 2, -EINTR, 0], out: [-EINTR, 2] })
  assert.equal(error, null)
  assert.equal(sentBytes, 2)
})

test('a sink that fails ends it, and nobody finds what was left in the pipe', needsAddon, async t => {
  const { error, leftBytes, closed } = await played(t, { into: [4, -EAGAIN], out: [1, -ECONNRESET] })
  assert.equal((error as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
  assert.equal(leftBytes, 0)
  assert.equal(closed, 1)
})

for (const errno of [EINVAL, ENOSYS, EOPNOTSUPP, EPERM]) {
  test(`a first call that is refused with ${errno} leaves the rest to another path`, needsAddon, async t => {
    const atSource = await played(t, { into: [-errno], out: [] })
    assert.ok(atSource.error instanceof PathRefused)
    assert.equal(atSource.leftBytes, 0)
    const atSink = await played(t, { into: [5, 0], out: [-errno] })
    assert.ok(atSink.error instanceof PathRefused)
    assert.deepEqual([atSink.sentBytes, atSink.leftBytes], [0, 5])
    assert.ok((await playedDirect(t, [-errno])).error instanceof PathRefused)
  })

  test(`a later call that fails with ${errno} is a failure`, needsAddon, async t => {
    const { error, sentBytes } = await played(t, { into: [2, 3], out: [2, -errno] })
    assert.equal((error as SluiceError).code, 'ERR_SLUICE_SYSCALL')
    assert.equal(sentBytes, 2)
    assert.equal(((await playedDirect(t, [2, -errno])).error as SluiceError).code, 'ERR_SLUICE_SYSCALL')
  })
}

const documented: readonly (readonly [errno: number, code: ErrorCode, remedy: RegExp])[] = [
  [EBADF, 'ERR_SLUICE_SYSCALL', /for reading and the sink for writing/],
  [ECONNRESET, 'ERR_SLUICE_PEER_CLOSED', /retry/],
  [ENOMEM, 'ERR_SLUICE_MEMORY', /memory/],
  [ENOTCONN, 'ERR_SLUICE_SYSCALL', /connected/],
  [EPIPE, 'ERR_SLUICE_PEER_CLOSED', /retry/],
  [ESPIPE, 'ERR_SLUICE_SYSCALL', /positions/],
]

for (const [errno, code, remedy] of documented) {
  test(`errno ${errno} of either end has a code and a remedy`, needsAddon, async t => {
    const ends = [
      await played(t, { into: [-errno], out: [] }),
      await played(t, { into: [5], out: [-errno] }),
      await playedDirect(t, [-errno]),
    ]
    for (const { error } of ends) {
      assert.ok(error instanceof SluiceError)
      assert.deepEqual([error.code, error.syscall, error.errno], [code, 'splice', -errno])
      assert.match(error.remedy, remedy)
    }
  })
}

test('without a pipe between, short calls and interrupted ones go on until the end', needsAddon, async t => {
  const { error, sentBytes } = await playedDirect(t, [1, -EINTR, 2, 0])
  assert.equal(error, null)
  assert.equal(sentBytes, 3)
})

test('EAGAIN of ends that are both ready is tried again, and does not spin', needsAddon, async t => {
  const again = Array.from({ length: 40 }, () => -EAGAIN)
  const { error, sentBytes, polls } = await playedDirect(t, [1, ...again, 2, 0], 1)
  assert.equal(error, null)
  assert.equal(sentBytes, 3)
  assert.equal(polls, 80)
})

test(
  'who waits for the source holds no pipe, and the rest is copied where there is none any more',
  needsAddon,
  async t => {
    const scripted = scriptedEnds({ into: [4, -EAGAIN], out: [4] })
    const { flow, over, pipes } = await flowOn(t, scripted)
    flow.begin()
    const pipe = pipes.take()
    flow.step()
    const { error, sentBytes, leftBytes } = await over
    assert.ok(error instanceof PathRefused)
    assert.equal(error.message, 'there is no pipe: EMFILE')
    assert.deepEqual([sentBytes, leftBytes], [4, 0])
    assert.equal(pipe.writeFd, pipeFds.writeFd)
  },
)

test('who waits for the sink holds a pipe, with what is in it', needsAddon, async t => {
  const { flow, over, pipes } = await flowOn(t, scriptedEnds({ into: [4], out: [-EAGAIN, 1, 3] }))
  flow.begin()
  assert.throws(() => pipes.take(), { code: 'ERR_SLUICE_DESCRIPTORS' })
  flow.interrupt(null)
  assert.equal((await over).sentBytes, 0)
})

interface Played {
  readonly error: unknown
  readonly sentBytes: number
  readonly leftBytes: number
  /** How often the pipe was closed. */
  readonly closed: number
}

/** Runs a flow on scripted results of splicing into the pipe and out of it. */
async function played(t: Ending, results: Scripted): Promise<Played> {
  const { flow, over } = await flowOn(t, scriptedEnds(results))
  flow.begin()
  return await over
}

/** The same for a flow from end to end; `ready`: what asking an end whether it is ready answers. */
async function playedDirect(
  t: Ending,
  results: number[],
  ready = 0,
): Promise<Played & { readonly polls: number }> {
  let polls = 0
  const scripted = nativeWith({
    splice: () => results.shift() ?? -EAGAIN,
    pollNow: () => {
      polls++
      return ready
    },
  })
  const { flow, over } = await flowOn(t, scripted, true)
  flow.begin()
  return { ...(await over), polls }
}

interface Scripted {
  readonly into: number[]
  readonly out: number[]
}

function scriptedEnds({ into, out }: Scripted): Native {
  return nativeWith({
    splice: (_input, _inOffset, target) => (target === pipeFds.writeFd ? into : out).shift() ?? -EAGAIN,
    pipe2: () => -EMFILE,
  })
}

interface Playing {
  readonly flow: SpliceFlow
  readonly over: Promise<Played>
  readonly pipes: PipePool
}

/** A flow between sockets that are there, and what its pool has: one pipe, of made up descriptors. */
async function flowOn(t: Ending, scripted: Native, isDirect = false): Promise<Playing> {
  let closed = 0
  const pipes = new PipePool(scripted)
  pipes.give({ ...pipeFds, close: () => closed++ }, true)
  const source = new SourceHold((await socketPair(t)).socket)
  const ends = { source, sink: await sinkHold(t), isTcp: false, pipes: isDirect ? null : pipes }
  let resolve!: (played: Played) => void
  const over = new Promise<Played>(settle => {
    resolve = settle
  })
  const flow = new SpliceFlow(scripted, new PollEngine(native!), ends, undefined, (error, sentBytes, left) =>
    resolve({ error, sentBytes, leftBytes: left?.bytes ?? 0, closed }),
  )
  return { flow, over, pipes }
}

async function sinkHold(t: Ending): Promise<SocketHold> {
  const { fd } = new SourceHold((await socketPair(t)).socket)
  return {
    fd,
    open: true,
    ended: false,
    whyClosed: () => assert.fail('it is open'),
    onClose: () => {},
    touch: () => {},
    release: () => {},
  }
}
