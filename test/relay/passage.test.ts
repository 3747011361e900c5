/** One direction: how much of it is done before others have their turn. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { defaultEngine } from '#sluice/engine/default.js'
import { STEP_MORE } from '#sluice/engine/flow.js'
import { Passage, smallBytes } from '#sluice/relay/passage.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../support/addon.js'
import { nativeWith } from '../support/scripted-native.js'

test('a source that is never empty is copied from in bounded steps', needsAddon, () => {
  let [received, sent] = [0, 0]
  const native = nativeWith({
    recv: (_fd, bytes) => {
      received += bytes.length
      return bytes.length
    },
    sendRange: (_fd, _bytes, _offset, length) => {
      sent += length
      return length
    },
  })
  const host = {
    native,
    engine: defaultEngine()!,
    pipes: new PipePool(native),
    shared: new Uint8Array(smallBytes),
    splices: false,
  }
  const ends = { source: 1000, sink: 1001, isTcp: true, tries: true }
  const passage = new Passage(host, ends, () => assert.fail('it has not ended'))
  assert.equal(passage.step(), STEP_MORE)
  assert.equal(received, sent)
  assert.equal(passage.copied, sent)
  assert.ok(sent >= 16 * KiB && sent <= 4 * MiB)
  passage.stop()
})
