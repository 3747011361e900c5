/** Flows made for the purpose, on descriptors that are ready or not as the test wants. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { KiB } from '#sluice/base/units.js'
import type { Engine, EngineName } from '#sluice/engine/engine.js'
import type { Flow, Step } from '#sluice/engine/flow.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import { RingEngine } from '#sluice/engine/ring-engine.js'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { needsRing } from '../ring/support.js'
import { needsAddon } from '../support/addon.js'
import { eventually } from '../support/eventually.js'
import { connectTo, type Ending, listener, type Peer } from '../support/sockets.js'

export type EngineKind = EngineName | 'poll, waiting itself'

/** Every engine, and what a test on it needs. */
export const engines: readonly { name: EngineKind; needs: { skip: string | false } }[] = [
  { name: 'poll', needs: needsAddon },
  { name: 'poll, waiting itself', needs: needsAddon },
  { name: 'ring', needs: needsRing },
]

/** One of its own, closed when the test is over. */
export function openEngine(t: Ending, name: EngineKind): Engine {
  const engine =
    name === 'ring' ? new RingEngine(native!) : new PollEngine(native!, name === 'poll' ? 'loop' : 'engine')
  t.after(() => engine.close())
  return engine
}

export class ScriptedFlow implements Flow {
  queued = false
  steps = 0
  readonly fd: number
  readonly sourceFd: number
  readonly #decide: (step: number) => Step

  constructor(fd: number, decide: (step: number) => Step, sourceFd = fd) {
    this.fd = fd
    this.sourceFd = sourceFd
    this.#decide = decide
  }

  step(): Step {
    this.steps++
    return this.#decide(this.steps)
  }
}

/** A socket that takes nothing more, until its peer reads. */
export async function fullSocket(
  t: Ending,
  server?: Awaited<ReturnType<typeof listener>>,
): Promise<{ socket: Socket; peer: Peer }> {
  const pair = await connectTo(t, server ?? (await listener(t)), { reading: false })
  fill(descriptorOf(pair.socket))
  return pair
}

export function fill(fd: number): void {
  const bytes = new Uint8Array(64 * KiB)
  while (native!.send(fd, bytes, native!.MSG_DONTWAIT) > 0);
}

/** Two connected Unix sockets that nobody else knows, closed when the test is over. */
export class DescriptorPair {
  readonly near: number
  readonly far: number
  readonly #open: Set<number>

  constructor(t: Ending) {
    const { AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC } = native!
    const pair = new Int32Array(2)
    native!.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, pair)
    this.near = pair[0]!
    this.far = pair[1]!
    this.#open = new Set(pair)
    t.after(() => {
      for (const fd of pair) this.close(fd)
    })
  }

  /** Once: afterwards the number may be another file's. */
  close(fd: number): void {
    if (this.#open.delete(fd)) native!.close(fd)
  }
}

export function drain(fd: number): void {
  const bytes = new Uint8Array(64 * KiB)
  while (native!.recv(fd, bytes, native!.MSG_DONTWAIT) > 0);
}

/** Waits until the flow has had so many steps, and no more. */
export async function stepsOf(flow: ScriptedFlow, count: number): Promise<void> {
  await eventually(
    () => flow.steps >= count,
    () => `the flow had ${flow.steps} of ${count} steps`,
  )
  assert.equal(flow.steps, count)
}

export function spin(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
