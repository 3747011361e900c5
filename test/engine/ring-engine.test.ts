/** The ring engine where the ring does what it rarely does when one waits for it. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { STEP_DONE, STEP_WAIT, STEP_WAIT_SOURCE } from '#sluice/engine/flow.js'
import { RingEngine } from '#sluice/engine/ring-engine.js'
import { native } from '#sluice/native/load.js'
import { needsRing } from '../ring/support.js'
import { eventually, pause, stopClock } from '../support/eventually.js'
import { DescriptorPair, drain, fill, openEngine, ScriptedFlow, stepsOf } from './support.js'

const { EAGAIN } = constants.errno
const byte = Uint8Array.of(1)

test('what the flows of a turn wait for, and for no longer, is submitted at once', needsRing, async t => {
  // However slow the machine is, a turn suffices for all.
  stopClock(t)
  const submitted = countSubmitted(t)
  const engine = openEngine(t, 'ring')
  const pair = new DescriptorPair(t)
  const flows = Array.from({ length: 20 }, () => {
    return new ScriptedFlow(pair.near, step => {
      if (step < 4) return STEP_WAIT_SOURCE
      for (const flow of flows) engine.forget(flow)
      return STEP_DONE
    })
  })
  const first = new ScriptedFlow(pair.near, () => {
    for (const flow of flows) engine.resume(flow)
    return STEP_DONE
  })
  engine.resume(first)
  assert.deepEqual(submitted, [20])
  for (let step = 2; step <= 4; step++) {
    native!.send(pair.far, byte, native!.MSG_DONTWAIT)
    await stepsOf(flows[0]!, step)
  }
  // However often they waited.
  assert.deepEqual(submitted, [20, 20])
  assert.equal(engine.watching, 0)
})

test('a completion for a flow that has gone is not for who waits in its place', needsRing, async t => {
  const [first, second] = [new DescriptorPair(t), new DescriptorPair(t)]
  const engine = openEngine(t, 'ring')
  fill(first.near)
  fill(second.near)
  const former = new ScriptedFlow(first.near, () => STEP_WAIT)
  engine.resume(former)
  await pause(5)
  // The completion is in the ring, and is told of when the loop turns.
  drain(first.far)
  engine.forget(former)
  const owner = new ScriptedFlow(second.near, () => STEP_WAIT)
  engine.resume(owner)
  await pause(10)
  assert.deepEqual([former.steps, owner.steps], [1, 1])
  drain(second.far)
  await stepsOf(owner, 2)
  engine.forget(owner)
})

test('watches that end because completions overflow are set anew', needsRing, async t => {
  const engine = new RingEngine(native!, { entries: 4, completions: 4 })
  t.after(() => engine.close())
  const pairs = Array.from({ length: 50 }, () => new DescriptorPair(t))
  const flows = pairs.map(({ near }) => {
    const flow = new ScriptedFlow(near, () => {
      drain(near)
      return STEP_WAIT_SOURCE
    })
    engine.resume(flow)
    return flow
  })
  for (let round = 1; round < 6; round++) {
    // The first time too: a turn may end before all are watched.
    await eventually(
      () => flows.every(({ steps }) => steps >= round),
      () => `round ${round}: ${flows.filter(({ steps }) => steps < round).length} were not stepped`,
    )
    for (const { far } of pairs) native!.send(far, byte, native!.MSG_DONTWAIT)
  }
  assert.equal(engine.watching, 50)
  for (const flow of flows) engine.forget(flow)
})

test(
  'a ring that takes nothing now: flows are stepped now and then, watches end later',
  needsRing,
  async t => {
    const engine = new RingEngine(native!, { entries: 1, completions: 4 })
    t.after(() => engine.close())
    const pair = new DescriptorPair(t)
    fill(pair.near)
    const watched = new ScriptedFlow(pair.near, () => STEP_WAIT)
    engine.resume(watched)
    const enter = native!.ioUringEnter
    t.after(() => {
      native!.ioUringEnter = enter
    })
    native!.ioUringEnter = () => -EAGAIN
    const flows = Array.from({ length: 3 }, () => {
      const flow = new ScriptedFlow(pair.near, step => {
        if (step === 3) engine.forget(flow)
        return step === 3 ? STEP_DONE : STEP_WAIT
      })
      engine.resume(flow)
      return flow
    })
    // All but the one that had the last place in the ring.
    await eventually(
      () => flows.filter(({ steps }) => steps === 3).length === 2,
      () => `they had ${flows.map(({ steps }) => steps)} steps`,
    )
    engine.forget(watched)
    for (const flow of flows) engine.forget(flow)
    assert.equal(engine.watching, 0)
    pair.close(pair.near)
    drain(pair.far)
    const ended = (): boolean => native!.recv(pair.far, new Uint8Array(1), native!.MSG_DONTWAIT) === 0
    assert.equal(ended(), false, 'the watch, which could not be ended, keeps the socket open')
    native!.ioUringEnter = enter
    await eventually(ended, () => 'the socket was not closed')
  },
)

test('a flow whose descriptor cannot be watched is stepped now and then', needsRing, async t => {
  const engine = openEngine(t, 'ring')
  const flow = new ScriptedFlow(-1, step => (step === 4 ? STEP_DONE : STEP_WAIT))
  const began = performance.now()
  engine.resume(flow)
  await stepsOf(flow, 4)
  assert.ok(performance.now() - began >= 20, 'there was time in between')
  engine.forget(flow)
  assert.equal(engine.watching, 0)
})

/** How many submissions each system call took. */
function countSubmitted(t: TestContext): number[] {
  const counts: number[] = []
  const enter = native!.ioUringEnter
  native!.ioUringEnter = (ring, submit, complete, flags) => {
    if (submit > 0) counts.push(submit)
    return enter(ring, submit, complete, flags)
  }
  t.after(() => {
    native!.ioUringEnter = enter
  })
  return counts
}
