/** What splice(2) may answer, in any order, and what the flow makes of it. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import { native } from '#sluice/native/load.js'
import { SpliceFlow } from '#sluice/transfer/paths/splice.js'
import type { SocketHold } from '#sluice/transfer/socket-hold.js'
import { SourceHold } from '#sluice/transfer/source-hold.js'
import { needsAddon } from '../../support/addon.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, socketPair } from '../../support/sockets.js'

const { EAGAIN, ECONNRESET, EINTR } = constants.errno
const pipe = { readFd: 1001, writeFd: 1002, capacity: 65_536, close: () => {} }

test(
  'a source that fails while the pipe holds bytes has failed, although it then looks ended',
  needsAddon,
  async t => {
    const { error, sentBytes } = await played(t, { into: [4, -ECONNRESET, 0], out: [1, 3] })
    assert.ok(error instanceof SluiceError)
    assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.equal(sentBytes, 4)
  },
)

test(
  'a source that ends while the pipe holds bytes has ended well once they are sent',
  needsAddon,
  async t => {
    const { error, sentBytes, empty } = await played(t, { into: [4, 0], out: [1, 1, 2] })
    assert.equal(error, null)
    assert.equal(sentBytes, 4)
    assert.equal(empty, true)
  },
)

test('interrupted calls are made again, at both ends', needsAddon, async t => {
  const { error, sentBytes } = await played(t, { into: [-EINTR, 2, -EINTR, -EAGAIN, 0], out: [-EINTR, 2] })
  assert.equal(error, null)
  assert.equal(sentBytes, 2)
})

test('a sink that fails ends it, and the pipe is not empty', needsAddon, async t => {
  const { error, empty } = await played(t, { into: [4, -EAGAIN], out: [1, -ECONNRESET] })
  assert.equal((error as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
  assert.equal(empty, false)
})

/** Runs a flow on scripted results of splicing into the pipe and out of it. */
async function played(
  t: Ending,
  { into, out }: { into: number[]; out: number[] },
): Promise<{ error: unknown; sentBytes: number; empty: boolean }> {
  const scripted = nativeWith({
    splice: (_input, _inOffset, target) => (target === pipe.writeFd ? into : out).shift() ?? -EAGAIN,
  })
  const source = new SourceHold((await socketPair(t)).socket)
  const { fd } = new SourceHold((await socketPair(t)).socket)
  const sink: SocketHold = {
    fd,
    open: true,
    ended: false,
    whyClosed: () => assert.fail('it is open'),
    onClose: () => {},
    touch: () => {},
    release: () => {},
  }
  return new Promise(resolve => {
    const done = (error: unknown, sentBytes: number, empty: boolean): void =>
      resolve({ error, sentBytes, empty })
    const flow = new SpliceFlow(scripted, new PollEngine(native!), { source, sink, pipe }, undefined, done)
    flow.begin()
  })
}
