/** The engine by itself: flows made for the purpose, on descriptors that are ready or not as the test wants. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT, type Step } from '#sluice/engine/flow.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/held-socket.js'
import { needsAddon } from '../support/addon.js'
import { eventually, pause, stopClock } from '../support/eventually.js'
import { nativeWith } from '../support/scripted-native.js'
import { connectTo, type Ending, listener, type Peer, socketPair } from '../support/sockets.js'

test('a flow whose descriptor is ready is stepped at once', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const flow = new ScriptedFlow(descriptorOf(socket), () => STEP_DONE)
  stopClock(t)
  new PollEngine(native!).resume(flow)
  assert.equal(flow.steps, 1)
})

test(
  'a flow that waits is stepped when its descriptor becomes ready, and watched only until then',
  needsAddon,
  async t => {
    const { socket, peer } = await fullSocket(t)
    const engine = new PollEngine(native!)
    let ready = false
    const flow = new ScriptedFlow(descriptorOf(socket), () => {
      if (!ready) return STEP_WAIT
      engine.forget(flow)
      return STEP_DONE
    })
    engine.resume(flow)
    await pause(20)
    assert.equal(flow.steps, 1)
    assert.equal(engine.watching, 1)
    ready = true
    peer.socket.resume()
    await eventually(
      () => flow.steps === 2,
      () => 'the flow was not stepped again',
    )
    assert.equal(engine.watching, 0)
  },
)

test('one watch serves a flow however often it waits', needsAddon, async t => {
  let watches = 0
  const counting = nativeWith({
    epollControl(epoll, operation, fd, mask, tag, generation) {
      watches++
      return native!.epollControl(epoll, operation, fd, mask, tag, generation)
    },
  })
  const { socket, peer } = await fullSocket(t)
  const engine = new PollEngine(counting)
  let done = false
  const flow = new ScriptedFlow(descriptorOf(socket), () => {
    if (flow.steps < 5) {
      fill(flow.fd)
      return STEP_WAIT
    }
    done = true
    engine.forget(flow)
    return STEP_DONE
  })
  engine.resume(flow)
  peer.socket.resume()
  await eventually(
    () => done,
    () => `the flow had ${flow.steps} steps`,
  )
  assert.equal(watches, 2, 'it was added, and removed')
})

test('a flow that parks is left alone until it asks', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const engine = new PollEngine(native!)
  const flow = new ScriptedFlow(descriptorOf(socket), step => (step === 1 ? STEP_PARK : STEP_DONE))
  stopClock(t)
  engine.resume(flow)
  await pause(10)
  assert.equal(flow.steps, 1)
  engine.resume(flow)
  assert.equal(flow.steps, 2)
})

test('an event of a watch that was given to another flow meanwhile is dropped', needsAddon, async t => {
  // The event of the first use of slot 0 is delivered after the slot has a new owner.
  let stale: Uint32Array | null = null
  const scripted = nativeWith({
    epollWait(epoll, out) {
      const count = native!.epollWait(epoll, out)
      if (stale === null) return count
      out.set(stale)
      stale = null
      return 1
    },
  })
  const server = await listener(t)
  const [first, second] = [await fullSocket(t, server), await fullSocket(t, server)]
  const engine = new PollEngine(scripted)
  const waits = (socket: Socket) => new ScriptedFlow(descriptorOf(socket), () => STEP_WAIT)
  const [former, owner] = [waits(first.socket), waits(second.socket)]
  engine.resume(former)
  engine.forget(former)
  engine.resume(owner)
  stale = Uint32Array.of(native!.EPOLLOUT, 0, 1)
  // Any other event makes the engine look.
  const third = await fullSocket(t, server)
  const other = waits(third.socket)
  engine.resume(other)
  third.peer.socket.resume()
  await eventually(
    () => stale === null,
    () => 'the engine did not look',
  )
  assert.equal(owner.steps, 1)
  assert.equal(former.steps, 1)
  // A watch keeps the process.
  engine.forget(owner)
  engine.forget(other)
})

test('hundreds of flows get their steps in turns', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const engine = new PollEngine(native!)
  const flows = Array.from({ length: 300 }, () => {
    // Long enough that a turn does not suffice for all.
    return new ScriptedFlow(descriptorOf(socket), step => {
      spin(0.05)
      return step === 20 ? STEP_DONE : STEP_MORE
    })
  })
  // From within a step, so that none runs before all are there.
  const first = new ScriptedFlow(descriptorOf(socket), () => {
    for (const flow of flows) engine.resume(flow)
    return STEP_DONE
  })
  engine.resume(first)
  let spread = 0
  await eventually(
    () => {
      const steps = flows.map(flow => flow.steps)
      spread = Math.max(spread, Math.max(...steps) - Math.min(...steps))
      return Math.min(...steps) === 20
    },
    () => `${flows.filter(({ steps }) => steps < 20).length} flows were not through`,
  )
  assert.ok(spread <= 1, `some were ${spread} steps ahead of others`)
})

test('a flow that always has more to do starves neither timers nor other flows', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const engine = new PollEngine(native!)
  let stop = false
  const greedy = new ScriptedFlow(descriptorOf(socket), () => {
    spin(0.1)
    return stop ? STEP_DONE : STEP_MORE
  })
  engine.resume(greedy)
  for (let count = 0; count < 10; count++) await pause(1)
  const modest = new ScriptedFlow(descriptorOf(socket), () => STEP_DONE)
  engine.resume(modest)
  await eventually(
    () => modest.steps === 1,
    () => 'the other flow had no step',
  )
  stop = true
  await pause(5)
  assert.ok(greedy.steps > 10)
})

test(
  'where no watch can be had the flow is stepped now and then, and the loop rests',
  needsAddon,
  async t => {
    const engine = new PollEngine(nativeWith({ epollControl: () => -constants.errno.ENOSPC }))
    const { socket } = await fullSocket(t)
    const flow = new ScriptedFlow(descriptorOf(socket), step => (step === 5 ? STEP_DONE : STEP_WAIT))
    const began = performance.now()
    engine.resume(flow)
    await eventually(
      () => flow.steps === 5,
      () => 'the flow is stuck',
    )
    assert.ok(performance.now() - began >= 30, 'there was time in between')
    assert.equal(engine.watching, 0)
  },
)

test('what a flow throws reaches the program and stops no other flow', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const engine = new PollEngine(native!)
  const failure = new Error('a bug')
  const broken = new ScriptedFlow(descriptorOf(socket), () => {
    throw failure
  })
  assert.throws(() => engine.resume(broken), failure)
  const next = new ScriptedFlow(descriptorOf(socket), () => STEP_DONE)
  engine.resume(next)
  await eventually(
    () => next.steps === 1,
    () => 'the other flow had no step',
  )
})

test('an engine that cannot be opened says why', needsAddon, () => {
  const { EMFILE, ENOMEM } = constants.errno
  const closed: number[] = []
  assert.throws(() => new PollEngine(nativeWith({ epollCreate: () => -EMFILE })), {
    code: 'ERR_SLUICE_DESCRIPTORS',
    syscall: 'epoll_create1',
  })
  const calls: Partial<Native> = {
    wakeOpen: () => -ENOMEM,
    close(fd) {
      closed.push(fd)
      return native!.close(fd)
    },
  }
  assert.throws(() => new PollEngine(nativeWith(calls)), { code: 'ERR_SLUICE_MEMORY' })
  assert.equal(closed.length, 1)
})

class ScriptedFlow implements Flow {
  queued = false
  steps = 0
  readonly fd: number
  readonly #decide: (step: number) => Step

  constructor(fd: number, decide: (step: number) => Step) {
    this.fd = fd
    this.#decide = decide
  }

  step(): Step {
    this.steps++
    return this.#decide(this.steps)
  }
}

/** A socket that takes nothing more, until its peer reads. */
async function fullSocket(
  t: Ending,
  server?: Awaited<ReturnType<typeof listener>>,
): Promise<{ socket: Socket; peer: Peer }> {
  const pair = await connectTo(t, server ?? (await listener(t)), { reading: false })
  fill(descriptorOf(pair.socket))
  return pair
}

function fill(fd: number): void {
  const bytes = new Uint8Array(64 * KiB)
  while (native!.send(fd, bytes, native!.MSG_DONTWAIT) > 0);
}

function spin(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
