/**
 * Hot: steps flows when their descriptors are ready.
 *
 * One epoll set holds every descriptor that a flow waits for, and Node's loop watches that set. Node may watch
 * the same sockets for its own reading: a socket can be in two sets, so nothing is duplicated.
 *
 * Invariants: a flow is in the run queue at most once; a watch belongs to exactly one flow; an event whose
 * generation is not its slot's is stale and dropped. Flows run for at most `turnMs` in one iteration of the loop,
 * so that other callbacks get their share, and each step is bounded, so that no flow starves another.
 */
import { performance } from 'node:perf_hooks'
import { systemError } from '../base/errors.js'
import type { Native, WakeHandle } from '../native/calls.js'
import { type Flow, STEP_MORE, STEP_WAIT } from './flow.js'

/** How long flows may run before the loop gets its turn. Well under what a person or a health check notices. */
const turnMs = 4
/** How often a flow is stepped that cannot be watched. */
const unwatchedMs = 10
const eventsMax = 256
const eventWords = 3

export class PollEngine {
  readonly name = 'poll'
  readonly #native: Native
  readonly #epoll: number
  readonly #wake: WakeHandle
  readonly #mask: number
  readonly #events = new Uint32Array(eventsMax * eventWords)
  /** By watch: the flow that waits there, and how often the slot was used. */
  readonly #flows: (Flow | null)[] = []
  readonly #generations: number[] = []
  readonly #freeWatches: number[] = []
  #watching = 0
  /** Flows that want a step; those before `#head` had theirs. */
  readonly #queue: Flow[] = []
  #head = 0
  #running = false
  /** When the present turn began, or 0: a turn lasts for one iteration of Node's loop. */
  #turnStart = 0

  constructor(native: Native) {
    this.#native = native
    const epoll = native.epollCreate()
    if (epoll < 0) throw systemError(epoll, 'epoll_create1', 'Opening the poll engine')
    const wake = native.wakeOpen(epoll, () => this.#onReady())
    if (typeof wake === 'number') {
      native.close(epoll)
      throw systemError(wake, 'uv_poll_init', 'Opening the poll engine')
    }
    this.#epoll = epoll
    this.#wake = wake
    // Edge-triggered: a watch is set once for a flow, however often it waits.
    this.#mask = native.EPOLLOUT | native.EPOLLET
  }

  /** Flows that wait for their descriptors now. */
  get watching(): number {
    return this.#watching
  }

  /** Steps a flow, new or parked: at once where this turn has time left, else in the next one. */
  resume(flow: Flow): void {
    this.#enqueue(flow)
    if (!this.#running) this.#run()
  }

  /** Forgets the flow's watch. A descriptor that was closed has left the set by itself. */
  forget(flow: Flow): void {
    const watch = flow.watch
    if (watch === -1) return
    this.#native.epollControl(this.#epoll, this.#native.EPOLL_CTL_DEL, flow.fd, 0, 0, 0)
    this.release(flow)
  }

  /** As `forget`, for a flow whose descriptor is closed: its number may be another file's by now. */
  release(flow: Flow): void {
    const watch = flow.watch
    if (watch === -1) return
    flow.watch = -1
    this.#flows[watch] = null
    this.#freeWatches.push(watch)
    if (--this.#watching === 0) this.#native.wakeKeepAlive(this.#wake, 0)
  }

  #enqueue(flow: Flow): void {
    if (flow.queued) return
    flow.queued = true
    this.#queue.push(flow)
  }

  #run(): void {
    if (this.#turnStart === 0) {
      this.#turnStart = performance.now()
      setImmediate(this.#endTurn)
    }
    const deadline = this.#turnStart + turnMs
    const queue = this.#queue
    this.#running = true
    try {
      while (this.#head < queue.length && performance.now() < deadline) {
        const flow = queue[this.#head++]!
        flow.queued = false
        this.#advance(flow)
      }
    } finally {
      // Ending a flow may run code of the program's; what that throws must not stop all the others.
      this.#running = false
      if (this.#head === queue.length) queue.length = 0
      else queue.splice(0, this.#head)
      this.#head = 0
    }
  }

  readonly #endTurn = (): void => {
    this.#turnStart = 0
    if (this.#queue.length > 0) this.#run()
  }

  #onReady(): void {
    const events = this.#events
    const count = this.#native.epollWait(this.#epoll, events)
    // Every event is noted before any flow runs: a flow that ends may free a watch that a later event names.
    for (let index = 0; index < count * eventWords; index += eventWords) {
      const watch = events[index + 1]!
      const flow = this.#flows[watch]
      if (flow !== null && flow !== undefined && this.#generations[watch] === events[index + 2])
        this.#enqueue(flow)
    }
    if (this.#queue.length > 0) this.#run()
  }

  #advance(flow: Flow): void {
    const step = flow.step()
    if (step === STEP_MORE) this.#enqueue(flow)
    else if (step === STEP_WAIT) this.#watch(flow)
  }

  #watch(flow: Flow): void {
    if (flow.watch !== -1) return
    const watch = this.#freeWatches.pop() ?? this.#flows.length
    const generation = ((this.#generations[watch] ?? 0) + 1) >>> 0
    this.#flows[watch] = flow
    this.#generations[watch] = generation
    flow.watch = watch
    if (this.#watching++ === 0) this.#native.wakeKeepAlive(this.#wake, 1)
    const native = this.#native
    const added = native.epollControl(
      this.#epoll,
      native.EPOLL_CTL_ADD,
      flow.fd,
      this.#mask,
      watch,
      generation,
    )
    // Without a watch (no memory, fs.epoll.max_user_watches) the flow is stepped now and then: slow, not stuck.
    if (added < 0) {
      this.release(flow)
      setTimeout(() => this.resume(flow), unwatchedMs)
    }
  }
}
