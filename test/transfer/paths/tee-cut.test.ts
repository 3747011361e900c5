/** When a source that has broken off ends a flow whose sinks are still to get what came before. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import type { SluiceError } from '#sluice/base/errors.js'
import type { HeldSource } from '#sluice/transfer/ends/source-hold.js'
import { stallTurnMs } from '#sluice/transfer/paths/stall.js'
import { TeeCut } from '#sluice/transfer/paths/tee-cut.js'
import type { Lane } from '#sluice/transfer/paths/tee-lane.js'
import { StreamTeeSource, type TeeSource } from '#sluice/transfer/paths/tee-source.js'
import type { Pipe } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../../support/addon.js'
import { nativeWith } from '../../support/scripted-native.js'

test('sinks that take something have time for it, and the others have not', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const broken = new Error('reset')
  const source = { failure: null as unknown, brokenOff: () => broken }
  const lanes = [{ sentBytes: 10 }, { sentBytes: 0 }]
  const cuts: unknown[] = []
  const cut = new TeeCut(source as TeeSource, lanes as Lane[], error => cuts.push(error))
  assert.equal(cut.begun(false), false, 'the engine has seen no end')
  t.mock.timers.tick(10 * stallTurnMs)
  assert.equal(cut.begun(true), true)
  for (let turn = 0; turn < 5; turn++) {
    lanes[turn % 2]!.sentBytes++
    t.mock.timers.tick(stallTurnMs)
    assert.equal(cut.begun(false), true, 'it stays broken off')
  }
  assert.deepEqual(cuts, [])
  t.mock.timers.tick(stallTurnMs)
  assert.deepEqual(cuts, [broken])
})

test('what the source has failed with counts, and nothing once the flow has ended', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const source = { failure: new Error('said once'), brokenOff: () => assert.fail('the kernel has said it') }
  const cut = new TeeCut(source as unknown as TeeSource, [], () => assert.fail('the flow has ended'))
  assert.equal(cut.begun(true), true)
  cut.end()
  t.mock.timers.tick(10 * stallTurnMs)
})

test('a reset that the kernel has told of already is not taken for an end', needsAddon, () => {
  let told = false
  const native = nativeWith({
    getsockoptInt: () => {
      const error = told ? 0 : constants.errno.ECONNRESET
      told = true
      return error
    },
    splice: () => 0,
  })
  const held = { fd: 1000, open: true, early: null, ended: false, endError: null }
  const source = new StreamTeeSource(native, held as HeldSource)
  for (let time = 0; time < 2; time++)
    assert.equal((source.brokenOff() as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
  assert.ok(source.failure === null, 'there may be bytes that came before')
  assert.equal(source.fill({ writeFd: 1001 } as Pipe, 1), 0)
  assert.equal((source.failure as unknown as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
  assert.equal(source.ended, false)
})
