/** An engine that waits in the place of Node's loop: what it leaves to the loop, and what not. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { performance } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { type Flow, STEP_DONE, STEP_WAIT_SOURCE, type Step } from '#sluice/engine/flow.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import { native } from '#sluice/native/load.js'
import { needsAddon } from '../support/addon.js'
import { eventually, pause } from '../support/eventually.js'
import { DescriptorPair } from './support.js'

/** Sends back each byte that it receives, as long as there is somebody who does the same. */
class Echo implements Flow {
  readonly keepsToItself = true
  queued = false
  steps = 0
  readonly fd: number
  readonly sourceFd: number
  readonly #buffer = new Uint8Array(1)

  constructor(fd: number) {
    this.fd = fd
    this.sourceFd = fd
  }

  step(): Step {
    this.steps++
    const received = native!.recv(this.fd, this.#buffer, native!.MSG_DONTWAIT)
    if (received === 0) return STEP_DONE
    if (received > 0) native!.send(this.fd, this.#buffer, native!.MSG_DONTWAIT)
    return STEP_WAIT_SOURCE
  }
}

/** Two that never stop sending each other a byte, on an engine that waits itself. */
function busyEngine(t: TestContext): { engine: PollEngine; flows: Echo[] } {
  const pair = new DescriptorPair(t)
  const engine = new PollEngine(native!, 'engine')
  t.after(() => engine.close())
  const flows = [new Echo(pair.near), new Echo(pair.far)]
  for (const flow of flows) engine.resume(flow)
  native!.send(pair.near, Uint8Array.of(1), native!.MSG_DONTWAIT)
  t.after(() => {
    for (const flow of flows) engine.forget(flow)
  })
  return { engine, flows }
}

test('flows that keep to themselves are stepped without a turn of the loop', needsAddon, async t => {
  const { uvMetricsInfo } = performance.nodeTiming as { uvMetricsInfo?: { loopCount: number } }
  if (uvMetricsInfo === undefined) return t.skip('this Node does not count the turns of its loop')
  const loopCount = (): number =>
    (performance.nodeTiming as unknown as { uvMetricsInfo: { loopCount: number } }).uvMetricsInfo.loopCount
  const { flows } = busyEngine(t)
  await pause(1)
  const before = { turns: loopCount(), steps: flows[0]!.steps }
  await eventually(
    () => flows[0]!.steps - before.steps > 1000,
    () => `there were ${flows[0]!.steps} steps`,
  )
  const [turns, steps] = [loopCount() - before.turns, flows[0]!.steps - before.steps]
  assert.ok(turns * 4 < steps, `${turns} turns of the loop for ${steps} steps`)
})

test('they starve neither timers nor immediates, files, sockets or promises', needsAddon, async t => {
  const { flows } = busyEngine(t)
  await eventually(
    () => flows[0]!.steps > 10,
    () => 'nothing moved',
  )
  await pause(3)
  await new Promise(setImmediate)
  assert.match(await readFile(new URL(import.meta.url), 'utf8'), /starve neither/)
  const server = createServer(socket => socket.pipe(socket)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  t.after(() => {
    socket.destroy()
    server.close()
  })
  for (let round = 0; round < 20; round++) {
    socket.write(`${round} `)
    await new Promise(resolve => socket.once('data', resolve))
  }
  const seen = flows[0]!.steps
  await eventually(
    () => flows[0]!.steps > seen + 10,
    () => 'nothing moves any more',
  )
})

test('a loop that always has something to do does not starve the engine', needsAddon, async t => {
  const engine = new PollEngine(native!, 'engine')
  t.after(() => engine.close())
  const pair = new DescriptorPair(t)
  const flow = new Echo(pair.near)
  engine.resume(flow)
  t.after(() => engine.forget(flow))
  const echoes = async (): Promise<void> => {
    const before = flow.steps
    native!.send(pair.far, Uint8Array.of(1), native!.MSG_DONTWAIT)
    await eventually(
      () => flow.steps > before,
      () => 'the flow is not stepped',
    )
  }
  let again = true
  const repeat = (): void => {
    if (again) setImmediate(repeat)
  }
  repeat()
  await echoes()
  again = false
  // A descriptor that stays readable, such as a socket with an error that its owner has not asked for.
  const counter = native!.eventfdCreate()
  native!.eventfdAdd(counter)
  const wake = native!.wakeOpen(counter, () => {})
  assert.ok(typeof wake !== 'number')
  await echoes()
  native!.wakeClose(wake)
  await echoes()
})

test('an engine that has nothing to do lets the loop do all that comes', needsAddon, async t => {
  const engine = new PollEngine(native!, 'engine')
  t.after(() => engine.close())
  const pair = new DescriptorPair(t)
  const flow = new Echo(pair.near)
  engine.resume(flow)
  // The loop, asleep in the engine's set, is woken by a thread, a timer and a signal.
  const heard = new Promise(resolve => process.once('SIGWINCH', resolve))
  await pause(5)
  await readFile(new URL(import.meta.url))
  process.kill(process.pid, 'SIGWINCH')
  await heard
  await pause(5)
  engine.forget(flow)
})

test(
  'time does not stand still: a timer that is set after a sleep takes its whole time',
  needsAddon,
  async t => {
    const engine = new PollEngine(native!, 'engine')
    t.after(() => engine.close())
    const pair = new DescriptorPair(t)
    let took = -1
    let steps = 0
    const flow: Flow = {
      fd: pair.near,
      sourceFd: pair.near,
      queued: false,
      keepsToItself: true,
      step() {
        if (++steps === 2) {
          const began = performance.now()
          setTimeout(() => {
            took = performance.now() - began
          }, 40)
        }
        return STEP_WAIT_SOURCE
      },
    }
    engine.resume(flow)
    await pause(60)
    native!.send(pair.far, Uint8Array.of(1), native!.MSG_DONTWAIT)
    await eventually(
      () => took >= 0,
      () => 'the timer is lost',
    )
    // Node's timers are as exact as a millisecond.
    assert.ok(took >= 38, `it took ${took} ms`)
    engine.forget(flow)
  },
)
