/** What holds for every engine. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT, STEP_WAIT_SOURCE } from '#sluice/engine/flow.js'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { eventually, pause, stopClock } from '../support/eventually.js'
import { listener, socketPair } from '../support/sockets.js'
import {
  DescriptorPair,
  drain,
  engines,
  fill,
  fullSocket,
  openEngine,
  ScriptedFlow,
  spin,
  stepsOf,
} from './support.js'

const byte = Uint8Array.of(1)
/** fcntl(2): the lowest number that is free, from the given one on. */
const F_DUPFD = 0

for (const { name, needs } of engines) {
  test(`${name}: a flow whose descriptor is ready is stepped at once`, needs, async t => {
    const { socket } = await socketPair(t)
    const flow = new ScriptedFlow(descriptorOf(socket), () => STEP_DONE)
    const engine = openEngine(t, name)
    stopClock(t)
    engine.resume(flow)
    assert.equal(flow.steps, 1)
  })

  test(
    `${name}: a flow that waits is stepped when it can go on, and watched only until then`,
    needs,
    async t => {
      const { socket, peer } = await fullSocket(t)
      const engine = openEngine(t, name)
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
      await stepsOf(flow, 2)
      assert.equal(engine.watching, 0)
    },
  )

  test(`${name}: a flow waits for its source, its sink, and its source again`, needs, async t => {
    const [source, sink] = [new DescriptorPair(t), new DescriptorPair(t)]
    const engine = openEngine(t, name)
    fill(sink.near)
    const bytes = new Uint8Array(1)
    const flow = new ScriptedFlow(
      sink.near,
      step => {
        if (step === 4) engine.forget(flow)
        if (step === 4) return STEP_DONE
        if (step === 2) return STEP_WAIT
        while (native!.recv(source.near, bytes, native!.MSG_DONTWAIT) > 0);
        return STEP_WAIT_SOURCE
      },
      source.near,
    )
    engine.resume(flow)
    native!.send(source.far, byte, native!.MSG_DONTWAIT)
    await stepsOf(flow, 2)
    await pause(10)
    assert.equal(flow.steps, 2)
    drain(sink.far)
    await stepsOf(flow, 3)
    assert.equal(engine.watching, 2)
    native!.send(source.far, byte, native!.MSG_DONTWAIT)
    await stepsOf(flow, 4)
    assert.equal(engine.watching, 0)
  })

  test(`${name}: what is ready already when a flow begins to wait is found so`, needs, async t => {
    const pair = new DescriptorPair(t)
    const engine = openEngine(t, name)
    const flow = new ScriptedFlow(pair.near, step => (step === 1 ? STEP_WAIT : STEP_DONE))
    engine.resume(flow)
    await stepsOf(flow, 2)
    engine.forget(flow)
  })

  test(`${name}: one readiness is told once`, needs, async t => {
    const pair = new DescriptorPair(t)
    const engine = openEngine(t, name)
    // It stays ready, and the flow goes on waiting: for its error queue, say.
    const flow = new ScriptedFlow(pair.near, () => STEP_WAIT)
    engine.resume(flow)
    await stepsOf(flow, 2)
    await pause(20)
    assert.equal(flow.steps, 2)
    engine.forget(flow)
  })

  test(`${name}: the end of either side is something to be ready for`, needs, async t => {
    const engine = openEngine(t, name)
    for (const step of [STEP_WAIT, STEP_WAIT_SOURCE] as const) {
      const pair = new DescriptorPair(t)
      fill(pair.near)
      const flow = new ScriptedFlow(pair.near, count => (count === 1 ? step : STEP_DONE))
      engine.resume(flow)
      await pause(5)
      assert.equal(flow.steps, 1)
      pair.close(pair.far)
      await stepsOf(flow, 2)
      engine.forget(flow)
    }
    assert.equal(engine.watching, 0)
  })

  test(`${name}: a flow that parks is left alone until it asks`, needs, async t => {
    const { socket } = await socketPair(t)
    const engine = openEngine(t, name)
    const flow = new ScriptedFlow(descriptorOf(socket), step => (step === 1 ? STEP_PARK : STEP_DONE))
    stopClock(t)
    engine.resume(flow)
    await pause(10)
    assert.equal(flow.steps, 1)
    engine.resume(flow)
    assert.equal(flow.steps, 2)
  })

  test(
    `${name}: a flow that is forgotten is stepped no more, and its descriptor really closes`,
    needs,
    async t => {
      const engine = openEngine(t, name)
      for (const open of [true, false]) {
        const pair = new DescriptorPair(t)
        fill(pair.near)
        const flow = new ScriptedFlow(pair.near, () => STEP_WAIT)
        engine.resume(flow)
        await pause(5)
        if (!open) pair.close(pair.near)
        engine.forget(flow, open, open)
        if (open) pair.close(pair.near)
        drain(pair.far)
        assert.equal(
          native!.recv(pair.far, new Uint8Array(1), native!.MSG_DONTWAIT),
          0,
          'the stream has ended',
        )
        await pause(5)
        assert.equal(flow.steps, 1)
        assert.equal(engine.watching, 0)
      }
    },
  )

  test(`${name}: a number that is used again has nothing of its former owner`, needs, async t => {
    const engine = openEngine(t, name)
    const [first, second] = [new DescriptorPair(t), new DescriptorPair(t)]
    fill(first.near)
    const former = new ScriptedFlow(first.near, () => STEP_WAIT)
    engine.resume(former)
    await pause(5)
    first.close(first.near)
    const fd = native!.fcntl(second.near, F_DUPFD, first.near)
    t.after(() => native!.close(fd))
    assert.equal(fd, first.near, 'the number is the same')
    engine.forget(former, false, false)
    fill(fd)
    const owner = new ScriptedFlow(fd, () => STEP_WAIT)
    engine.resume(owner)
    first.close(first.far)
    await pause(10)
    assert.deepEqual([former.steps, owner.steps], [1, 1])
    drain(second.far)
    await stepsOf(owner, 2)
    assert.equal(former.steps, 1)
    engine.forget(owner)
  })

  test(`${name}: two flows wait on one socket, each in its direction`, needs, async t => {
    const pair = new DescriptorPair(t)
    const engine = openEngine(t, name)
    fill(pair.near)
    const writes = new ScriptedFlow(pair.near, () => STEP_WAIT)
    const reads = new ScriptedFlow(pair.near, () => STEP_WAIT_SOURCE)
    engine.resume(writes)
    engine.resume(reads)
    await pause(5)
    assert.deepEqual([writes.steps, reads.steps], [1, 1])
    native!.send(pair.far, byte, native!.MSG_DONTWAIT)
    await stepsOf(reads, 2)
    assert.equal(writes.steps, 1)
    drain(pair.far)
    await stepsOf(writes, 2)
    engine.forget(writes)
    engine.forget(reads)
  })

  test(`${name}: hundreds of flows get their steps in turns`, needs, async t => {
    const { socket } = await socketPair(t)
    const engine = openEngine(t, name)
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

  test(
    `${name}: a flow that always has more to do starves neither timers nor other flows`,
    needs,
    async t => {
      const { socket } = await socketPair(t)
      const engine = openEngine(t, name)
      let stop = false
      const greedy = new ScriptedFlow(descriptorOf(socket), () => {
        spin(0.1)
        return stop ? STEP_DONE : STEP_MORE
      })
      engine.resume(greedy)
      for (let count = 0; count < 10; count++) await pause(1)
      const modest = new ScriptedFlow(descriptorOf(socket), () => STEP_DONE)
      engine.resume(modest)
      await stepsOf(modest, 1)
      stop = true
      await pause(5)
      assert.ok(greedy.steps > 10)
    },
  )

  test(`${name}: ten thousand flows wait, and each is stepped when it is its turn`, needs, async t => {
    const pairs = 200
    const flowsOfEach = 50
    const engine = openEngine(t, name)
    const sockets = Array.from({ length: pairs }, () => new DescriptorPair(t))
    const duplicates: number[] = []
    t.after(() => {
      for (const fd of duplicates) native!.close(fd)
    })
    const flows: ScriptedFlow[] = []
    for (const { near } of sockets) {
      for (let index = 0; index < flowsOfEach; index++) {
        const fd = native!.dup(near)
        assert.ok(fd >= 0)
        duplicates.push(fd)
        const flow = new ScriptedFlow(fd, step => {
          if (step === 1) return STEP_WAIT_SOURCE
          engine.forget(flow)
          return STEP_DONE
        })
        flows.push(flow)
        engine.resume(flow)
      }
    }
    await eventually(
      () => engine.watching === pairs * flowsOfEach,
      () => `${engine.watching} are watched`,
    )
    for (const { far } of sockets) native!.send(far, byte, native!.MSG_DONTWAIT)
    await eventually(
      () => flows.every(({ steps }) => steps === 2),
      () => `${flows.filter(({ steps }) => steps !== 2).length} were not stepped`,
    )
    assert.equal(engine.watching, 0)
  })

  test(`${name}: what a flow throws reaches the program and stops no other flow`, needs, async t => {
    const { socket } = await socketPair(t)
    const engine = openEngine(t, name)
    const failure = new Error('a bug')
    const broken = new ScriptedFlow(descriptorOf(socket), () => {
      throw failure
    })
    assert.throws(() => engine.resume(broken), failure)
    const next = new ScriptedFlow(descriptorOf(socket), () => STEP_DONE)
    engine.resume(next)
    await stepsOf(next, 1)
  })

  test(`${name}: what a flow throws when its descriptor is ready is the program's, too`, needs, async t => {
    const pair = new DescriptorPair(t)
    const engine = openEngine(t, name)
    fill(pair.near)
    const failure = new Error('a bug')
    const broken = new ScriptedFlow(pair.near, step => {
      if (step === 1) return STEP_WAIT
      engine.forget(broken)
      throw failure
    })
    const other = new ScriptedFlow(pair.near, step => (step === 1 ? STEP_WAIT_SOURCE : STEP_DONE))
    engine.resume(broken)
    engine.resume(other)
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    t.after(() => {
      for (const heard of listeners) process.on('uncaughtException', heard)
    })
    const thrown = once(process, 'uncaughtException')
    native!.send(pair.far, byte, native!.MSG_DONTWAIT)
    drain(pair.far)
    assert.equal((await thrown)[0], failure)
    await stepsOf(other, 2)
    engine.forget(other)
  })

  test(`${name}: an engine that is closed holds nothing and steps nobody`, needs, async t => {
    const server = await listener(t)
    const { socket, peer } = await fullSocket(t, server)
    const before = openDescriptors()
    const engine = openEngine(t, name)
    const flow = new ScriptedFlow(descriptorOf(socket), () => STEP_WAIT)
    engine.resume(flow)
    await pause(5)
    await engine.close()
    peer.socket.resume()
    await pause(10)
    assert.deepEqual([flow.steps, engine.watching], [1, 0])
    engine.resume(flow)
    engine.forget(flow)
    assert.equal(flow.steps, 1)
    await descriptorsBackTo(before)
  })
}
