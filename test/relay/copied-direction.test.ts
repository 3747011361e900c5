/** A direction whose mirror gets copies, as the kernel's calls have it: what both get, and what ends it. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { defaultEngine } from '#sluice/engine/default.js'
import { STEP_DONE, STEP_WAIT, STEP_WAIT_SOURCE } from '#sluice/engine/flow.js'
import type { Native } from '#sluice/native/calls.js'
import { CopiedDirection, type CopiedEnd } from '#sluice/relay/copied-direction.js'
import { smallBytes } from '#sluice/relay/passage.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../support/addon.js'
import { nativeWith } from '../support/scripted-native.js'

const { EAGAIN, EPIPE, ECONNRESET, EINTR } = constants.errno

/** A mirror that has a piece when the test says so. */
class Writer {
  readonly written: Buffer[] = []
  #resolve: () => void = () => {}
  #reject: (error: unknown) => void = () => {}

  write(bytes: Uint8Array): Promise<void> {
    this.written.push(Buffer.from(bytes))
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  async take(): Promise<void> {
    this.#resolve()
    await new Promise(setImmediate)
  }

  async fail(error: Error): Promise<void> {
    this.#reject(error)
    await new Promise(setImmediate)
  }

  async end(): Promise<void> {}
}

/** The engine steps nothing here: the test does. */
function directionOn(calls: Partial<Native>): {
  direction: CopiedDirection
  writer: Writer
  ends: CopiedEnd[]
} {
  const native = nativeWith(calls)
  const writer = new Writer()
  const ends: CopiedEnd[] = []
  const host = {
    native,
    engine: Object.assign(Object.create(defaultEngine()!), { resume() {}, forget() {} }),
    pipes: new PipePool(native),
    shared: new Uint8Array(smallBytes),
    splices: true,
  }
  const direction = new CopiedDirection(
    host,
    { source: 1000, sink: 1001, isTcp: true, tries: true },
    writer,
    end => ends.push(end),
  )
  return { direction, writer, ends }
}

/** Receives these pieces, numbers being what the call returns. */
function receiving(pieces: (string | number)[]): Native['recv'] {
  return (_fd, bytes) => {
    const piece = pieces.shift()!
    if (typeof piece === 'number') return piece
    return Buffer.from(piece).copy(bytes)
  }
}

test('both have a piece before the next is received', needsAddon, async () => {
  const sent: string[] = []
  const takes = [2, -EAGAIN, -EINTR, 3, 4]
  const { direction, writer, ends } = directionOn({
    recv: receiving(['hello', -EINTR, 'more', 0]),
    send: (_fd, bytes) => {
      const taken = takes.shift()!
      if (taken > 0) sent.push(String(Buffer.from(bytes.subarray(0, taken))))
      return taken
    },
  })
  assert.equal(direction.step(), STEP_WAIT, 'the sink is full')
  assert.equal(direction.step(), STEP_WAIT_SOURCE, 'the mirror has not got it')
  assert.equal(String(writer.written), 'hello')
  await writer.take()
  assert.equal(direction.step(), STEP_WAIT_SOURCE)
  assert.deepEqual(sent, ['he', 'llo', 'more'])
  assert.deepEqual(ends, [])
  await writer.take()
  assert.equal(direction.step(), STEP_DONE)
  assert.deepEqual(writer.written.map(String), ['hello', 'more'])
  assert.deepEqual(ends, [{ failed: null, errno: 0, why: '', mirroredBytes: 9 }])
  assert.equal(direction.copied, 9)
  assert.ok(direction.moved)
})

test('a source that breaks off is not kept for an end that has stalled', needsAddon, () => {
  for (const stalled of ['sink', 'mirror'] as const) {
    const { direction, ends } = directionOn({
      recv: receiving(['hello']),
      send: (_fd, bytes) => (stalled === 'sink' ? -EAGAIN : bytes.length),
      getsockoptInt: () => ECONNRESET,
    })
    assert.equal(direction.step(), stalled === 'sink' ? STEP_WAIT : STEP_WAIT_SOURCE)
    direction.sourceEnding = true
    assert.equal(direction.step(), STEP_DONE)
    assert.equal(direction.step(), STEP_DONE)
    assert.deepEqual(ends, [{ failed: 'source', errno: -ECONNRESET, why: '', mirroredBytes: 0 }])
  }
})

test('a source that ends in order is none that breaks off', needsAddon, () => {
  const { direction, ends } = directionOn({
    recv: receiving(['hello']),
    send: (_fd, bytes) => bytes.length,
    getsockoptInt: () => 0,
  })
  direction.step()
  direction.sourceEnding = true
  assert.equal(direction.step(), STEP_WAIT_SOURCE)
  assert.deepEqual(ends, [])
})

test('whichever of the three fails is said', needsAddon, async () => {
  const refused = directionOn({ recv: receiving(['hello']), send: () => -EPIPE })
  assert.equal(refused.direction.step(), STEP_DONE)
  assert.deepEqual(refused.ends, [{ failed: 'sink', errno: -EPIPE, why: '', mirroredBytes: 0 }])

  const reset = directionOn({ recv: receiving([-ECONNRESET]) })
  assert.equal(reset.direction.step(), STEP_DONE)
  assert.deepEqual(reset.ends, [{ failed: 'source', errno: -ECONNRESET, why: '', mirroredBytes: 0 }])

  const unmirrored = directionOn({ recv: receiving(['hello', -EAGAIN]), send: (_fd, bytes) => bytes.length })
  unmirrored.direction.step()
  await unmirrored.writer.fail(new Error('the disk is full'))
  assert.deepEqual(unmirrored.ends, [
    { failed: 'mirror', errno: 0, why: 'the disk is full', mirroredBytes: 0 },
  ])
})

test('one that is stopped says so, and does nothing any more', needsAddon, async () => {
  const { direction, writer, ends } = directionOn({
    recv: receiving(['hello']),
    send: (_fd, bytes) => bytes.length,
  })
  direction.step()
  direction.stop()
  await writer.fail(new Error('too late'))
  assert.equal(direction.step(), STEP_DONE)
  assert.deepEqual(ends, [{ failed: null, errno: 0, why: '', mirroredBytes: 0 }])
})

test('of a source that is never empty a step takes one piece', needsAddon, async () => {
  const { direction, writer } = directionOn({
    recv: (_fd, bytes) => bytes.length,
    send: (_fd, bytes) => bytes.length,
  })
  for (let turn = 0; turn < 3; turn++) {
    assert.equal(direction.step(), STEP_WAIT_SOURCE)
    assert.equal(direction.copied, (turn + 1) * smallBytes, 'the mirror sets the pace')
    await writer.take()
  }
  direction.stop()
})
