/** The poll engine where the kernel does what it rarely does when one waits for it. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { test } from 'node:test'
import { STEP_DONE, STEP_WAIT } from '#sluice/engine/flow.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { needsAddon } from '../support/addon.js'
import { eventually } from '../support/eventually.js'
import { nativeWith } from '../support/scripted-native.js'
import { listener } from '../support/sockets.js'
import { fill, fullSocket, ScriptedFlow } from './support.js'

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

test('an event of a watch that was given to another flow meanwhile is dropped', needsAddon, async t => {
  // The event of the descriptor's first watch is delivered after it has a new one.
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
  const { socket: watched } = await fullSocket(t, server)
  const engine = new PollEngine(scripted)
  const waits = (socket: Socket) => new ScriptedFlow(descriptorOf(socket), () => STEP_WAIT)
  const [former, owner] = [waits(watched), waits(watched)]
  engine.resume(former)
  engine.forget(former)
  engine.resume(owner)
  stale = Uint32Array.of(native!.EPOLLOUT, descriptorOf(watched), 1)
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
  assert.equal(closed.length, 2)
  closed.length = 0
  const { close } = calls
  const tooOld: Partial<Native> = { idleOpen: () => -constants.errno.ENOSYS, close: close! }
  assert.throws(() => new PollEngine(nativeWith(tooOld), 'engine'), { errno: -constants.errno.ENOSYS })
  assert.equal(closed.length, 2)
})
