/** What the kernel may answer between a stream and a file, and what the flow makes of it. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import { native } from '#sluice/native/load.js'
import { SourceHold } from '#sluice/transfer/ends/source-hold.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { type Bucket, SpliceToFileFlow } from '#sluice/transfer/paths/splice-to-file.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../../support/addon.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, socketPair } from '../../support/sockets.js'

const { ECONNRESET, EDQUOT, EFBIG, EINTR, EINVAL, EIO, ENOMEM, ENOSPC } = constants.errno

test('short writes and interrupted ones go on, at the right place', needsAddon, async t => {
  const { error, writtenBytes, writes } = await played(t, { into: [10, 0], file: [4, -EINTR, 6] })
  assert.equal(error, null)
  assert.equal(writtenBytes, 10)
  assert.deepEqual(writes, [
    [100, 10],
    [104, 6],
    [104, 6],
  ])
})

test(
  'what comes while the thread writes goes into the other pipe, and is written next',
  needsAddon,
  async t => {
    const { error, writtenBytes, writes } = await played(t, { into: [3, 4, -EINTR, 5, 0], file: [3, 9] })
    assert.equal(error, null)
    assert.equal(writtenBytes, 12)
    assert.deepEqual(writes, [
      [100, 3],
      [103, 9],
    ])
  },
)

test('a source that fails is told when all that came before is written', needsAddon, async t => {
  const { error, writtenBytes } = await played(t, { into: [3, -ECONNRESET], file: [3] })
  assert.equal((error as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
  assert.equal(writtenBytes, 3)
})

test('a first write that is refused leaves both pipes to another path, in order', needsAddon, async t => {
  const { error, writtenBytes, held } = await played(t, { into: [3, 4, 0], file: [-EINVAL] })
  assert.ok(error instanceof PathRefused)
  assert.equal(writtenBytes, 0)
  assert.deepEqual(held, [3, 4])
})

test('a refusal of the source leaves everything to another path', needsAddon, async t => {
  const { error, held } = await played(t, { into: [-EINVAL], file: [] })
  assert.ok(error instanceof PathRefused)
  assert.deepEqual(held, [0, 0])
})

for (const [errno, remedy] of [
  [ENOSPC, /Free space/],
  [EFBIG, /ulimit -f/],
  [EDQUOT, /quota/],
  [EIO, /./],
  [ENOMEM, /memory/],
] as const) {
  test(`errno ${errno} of the file has a remedy, and what was written counts`, needsAddon, async t => {
    const { error, writtenBytes } = await played(t, { into: [3, 4, 0], file: [3, -errno] })
    assert.ok(error instanceof SluiceError)
    assert.deepEqual([error.syscall, error.errno], ['splice', -errno])
    assert.match(error.remedy, remedy)
    assert.equal(writtenBytes, 3)
  })
}

test('an interruption waits for the thread', needsAddon, async t => {
  const reason = new Error('enough')
  const { error, writtenBytes } = await played(t, { into: [3], file: [3], interruptedBy: reason })
  assert.equal(error, reason)
  assert.equal(writtenBytes, 3)
})

interface Script {
  /** What splicing from the source gives, then EAGAIN. */
  into: number[]
  /** What splicing into the file gives. */
  file: number[]
  interruptedBy?: Error
}

/** Runs a flow on scripted results; `writes`: offset and count of each write to the file, which begins at 100. */
async function played(
  t: Ending,
  { into, file, interruptedBy }: Script,
): Promise<{ error: unknown; writtenBytes: number; held: number[]; writes: [number, number][] }> {
  const writes: [number, number][] = []
  const scripted = nativeWith({
    splice: () => into.shift() ?? -constants.errno.EAGAIN,
    spliceOffload: async (_pipe, _file, offset, count) => {
      writes.push([offset, count])
      await new Promise(resolve => setTimeout(resolve, 5))
      return file.shift()!
    },
  })
  const pipeOf = (fd: number) => ({ readFd: fd, writeFd: fd + 1, capacity: 65_536, close: () => {} })
  const ends = {
    source: new SourceHold((await socketPair(t)).socket),
    isTcp: false,
    file: { fd: 1000, name: 'sink', position: 100 },
    pipes: new PipePool(scripted),
    taken: [pipeOf(1001), pipeOf(1003)] as const,
  }
  return new Promise(resolve => {
    const done = (error: unknown, writtenBytes: number, buckets: readonly Bucket[]): void =>
      resolve({ error, writtenBytes, held: buckets.map(({ bytes }) => bytes), writes })
    const flow = new SpliceToFileFlow(scripted, new PollEngine(native!), ends, undefined, done)
    flow.begin()
    if (interruptedBy !== undefined) flow.interrupt(interruptedBy)
  })
}
