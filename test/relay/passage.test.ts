/** One direction: what it asks of the kernel for what comes, and how much of it is done before others have their turn. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { defaultEngine } from '#sluice/engine/default.js'
import { STEP_DONE, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE } from '#sluice/engine/flow.js'
import type { Native } from '#sluice/native/calls.js'
import { Passage, smallBytes } from '#sluice/relay/passage.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../support/addon.js'
import { nativeWith } from '../support/scripted-native.js'

const { EAGAIN, ECONNRESET, EINVAL, EMFILE, EPIPE } = constants.errno
const pipeFds = { readFd: 1003, writeFd: 1004, capacity: 256 * KiB }

test('a source that is never empty is copied from in bounded steps', needsAddon, () => {
  const { passage } = scripted({ recv: endless(smallBytes) }, { splices: false })
  assert.equal(passage.step(), STEP_MORE)
  assert.ok(passage.copied >= 16 * KiB && passage.copied <= 4 * MiB)
  passage.stop()
})

test('and spliced from in bounded steps, by a pipe that is made larger', needsAddon, () => {
  const { passage, called } = scripted({ recv: [smallBytes], into: endless(64 * KiB) })
  assert.equal(passage.step(), STEP_MORE)
  assert.equal(passage.copied, smallBytes)
  assert.ok(passage.spliced >= 64 * KiB && passage.spliced <= 4 * MiB)
  assert.equal(called.filter(name => name === 'fcntl').length, 1)
  passage.stop()
})

test('a small piece takes two calls and no pipe', needsAddon, () => {
  const { passage, called } = scripted({ recv: [64] })
  assert.equal(passage.step(), STEP_WAIT_SOURCE)
  assert.deepEqual(called, ['recv', 'send'])
  passage.stop()
})

test('once the source is ending a small piece is not taken for the last', needsAddon, () => {
  const { passage, called, ended } = scripted({ recv: [64, 0] })
  passage.sourceEnding = true
  assert.equal(passage.step(), STEP_DONE)
  assert.deepEqual(called, ['recv', 'send', 'recv'])
  assert.deepEqual(ended, [[0, true]])
})

test('what fills the memory is spliced until it is small again, and the pipe goes back', needsAddon, () => {
  const { passage, called, pipes } = scripted({ recv: [smallBytes], into: [smallBytes, 100] })
  assert.equal(passage.step(), STEP_WAIT_SOURCE)
  const splices = ['splice', 'splice', 'splice', 'splice']
  assert.deepEqual(called, ['recv', 'send', ...splices, 'recv'])
  assert.equal(passage.spliced, smallBytes + 100)
  assert.equal(pipes.take().writeFd, pipeFds.writeFd)
  passage.stop()
})

test('what the sink does not take at once is kept, and sent in order', needsAddon, () => {
  const { passage, called } = scripted({ recv: [100, 50], send: [60, -EAGAIN, 40, 50] })
  assert.equal(passage.step(), STEP_WAIT)
  assert.equal(passage.copied, 60)
  assert.equal(passage.step(), STEP_WAIT_SOURCE)
  assert.equal(passage.copied, 150)
  assert.deepEqual(called, ['recv', 'send', 'send', 'send', 'recv', 'send'])
  passage.stop()
})

test('each end says what it fails with the first time', needsAddon, () => {
  for (const [results, end] of [
    [{ recv: [-ECONNRESET, 0] }, [-ECONNRESET, true]],
    [{ recv: [100], send: [-ECONNRESET, -EPIPE] }, [-ECONNRESET, false]],
    [{ recv: [smallBytes], into: [100_000, -ECONNRESET, 0] }, [-ECONNRESET, true]],
    [{ recv: [smallBytes], into: [100_000], out: [-ECONNRESET, -EPIPE] }, [-ECONNRESET, false]],
  ] as const) {
    const { passage, ended } = scripted(results)
    assert.equal(passage.step(), STEP_DONE)
    assert.deepEqual(ended, [end])
  }
})

test('where splice is refused all is copied from then on', needsAddon, () => {
  const { passage, called } = scripted({ recv: [smallBytes, smallBytes, 10], into: [-EINVAL] })
  assert.equal(passage.step(), STEP_WAIT_SOURCE)
  assert.equal(called.filter(name => name === 'splice').length, 1)
  assert.deepEqual([passage.spliced, passage.copied], [0, 2 * smallBytes + 10])
  passage.stop()
})

test('without descriptors for a pipe what comes is copied, for now', needsAddon, () => {
  const { passage, pipes } = scripted({ recv: [smallBytes, 10, smallBytes], into: [100_000] })
  const pipe = pipes.take()
  assert.equal(passage.step(), STEP_WAIT_SOURCE)
  assert.deepEqual([passage.spliced, passage.copied], [0, smallBytes + 10])
  pipes.give(pipe, true)
  assert.equal(passage.step(), STEP_WAIT_SOURCE)
  assert.deepEqual([passage.spliced, passage.copied], [100_000, 2 * smallBytes + 10])
  passage.stop()
})

test('a long talk in small pieces is no bulk when one is large', needsAddon, t => {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const small = Array.from({ length: 10_000 }, () => 10 * KiB)
  const { passage, called } = scripted({ recv: [...small, smallBytes], into: [100_000] })
  for (let piece = 0; piece < small.length; piece++) assert.equal(passage.step(), STEP_WAIT_SOURCE)
  for (let piece = 0; piece < 3; piece++) {
    passage.step()
    now += 5
  }
  assert.equal(passage.spliced, 100_000)
  assert.ok(!called.includes('setsockoptInt'))
  passage.stop()
})

/** What calls answer: one after the other, and then EAGAIN, or what they send is taken. */
interface Results {
  readonly recv: Iterable<number>
  readonly send?: Iterable<number>
  readonly into?: Iterable<number>
  readonly out?: Iterable<number>
}

function* endless(bytes: number): Iterable<number> {
  for (;;) yield bytes
}

interface Scripted {
  readonly passage: Passage
  readonly pipes: PipePool
  /** The calls that were made, `send` for both of them. */
  readonly called: string[]
  readonly ended: [errno: number, atSource: boolean][]
}

function scripted(results: Results, { splices = true } = {}): Scripted {
  const called: string[] = []
  const [recv, send, into, out] = [results.recv, results.send, results.into, results.out].map(answers => {
    const iterator = (answers ?? [])[Symbol.iterator]()
    return (otherwise: number): number => {
      const { value, done } = iterator.next()
      return done ? otherwise : value
    }
  }) as [Answer, Answer, Answer, Answer]
  const note = (name: string, result: number): number => {
    called.push(name)
    return result
  }
  const native: Native = nativeWith({
    recv: () => note('recv', recv(-EAGAIN)),
    sendRange: (_fd, _bytes, _offset, length) => note('send', send(length)),
    send: (_fd, bytes) => note('send', send(bytes.length)),
    splice: (_input, _inOffset, target, _outOffset, length) =>
      note('splice', target === pipeFds.writeFd ? into(-EAGAIN) : out(length)),
    fcntl: (_fd, _command, bytes) => note('fcntl', bytes),
    setsockoptInt: () => note('setsockoptInt', 0),
    getsockoptInt: () => 1,
    pipe2: () => -EMFILE,
  })
  const pipes = new PipePool(native)
  pipes.give({ ...pipeFds, close: () => {} }, true)
  const host = { native, engine: defaultEngine()!, pipes, shared: new Uint8Array(smallBytes), splices }
  const ended: Scripted['ended'] = []
  const ends = { source: 1000, sink: 1001, isTcp: true, tries: true }
  const passage = new Passage(host, ends, (errno, atSource) => ended.push([errno, atSource]))
  return { passage, pipes, called, ended }
}

type Answer = (otherwise: number) => number
