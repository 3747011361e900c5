/**
 * Hot: steps flows when their descriptors are ready.
 *
 * Epoll sets hold the descriptors that flows wait for, and Node's loop watches those sets. Node may watch the same
 * sockets for its own reading: a socket can be in several sets, so nothing is duplicated.
 *
 * A flow is in the run queue at most once. Flows run for at most `turnMs` in one iteration of the loop, so that other
 * callbacks get their share, and each step is bounded, so that no flow starves another.
 */
import { performance } from 'node:perf_hooks'
import type { Native } from '../native/calls.js'
import { type Flow, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE } from './flow.js'
import { WatchSet } from './watch-set.js'

/** How long flows may run before the loop gets its turn. Well under what a person or a health check notices. */
const turnMs = 4
/** How often a flow is stepped that cannot be watched. */
const unwatchedMs = 10

export class PollEngine {
  readonly name = 'poll'
  readonly #sinks: WatchSet
  readonly #sources: WatchSet
  /** Flows that want a step; those before `#head` had theirs. */
  readonly #queue: Flow[] = []
  #head = 0
  #running = false
  /** When the present turn began, or 0: a turn lasts for one iteration of Node's loop. */
  #turnStart = 0

  constructor(native: Native) {
    const onReady = (flow: Flow): void => this.#enqueue(flow)
    const onAllReady = (): void => {
      if (this.#queue.length > 0) this.#run()
    }
    this.#sinks = new WatchSet(native, native.EPOLLOUT, onReady, onAllReady)
    this.#sources = new WatchSet(native, native.EPOLLIN | native.EPOLLRDHUP, onReady, onAllReady)
  }

  /** Watches of descriptors that flows wait for, or have waited for and may again. */
  get watching(): number {
    return this.#sinks.size + this.#sources.size
  }

  /** Steps a flow, new or parked: at once where this turn has time left, else in the next one. */
  resume(flow: Flow): void {
    this.#enqueue(flow)
    if (!this.#running) this.#run()
  }

  /** Ends the flow's watches; of a descriptor that is closed the number may be another file's by now. */
  forget(flow: Flow, sinkOpen = true, sourceOpen = true): void {
    this.#sinks.remove(flow, sinkOpen ? flow.fd : -1)
    this.#sources.remove(flow, sourceOpen ? (flow.sourceFd ?? -1) : -1)
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

  #advance(flow: Flow): void {
    const step = flow.step()
    if (step === STEP_MORE) this.#enqueue(flow)
    else if (step === STEP_WAIT) this.#waitFor(flow, this.#sinks.add(flow, flow.fd))
    else if (step === STEP_WAIT_SOURCE) this.#waitFor(flow, this.#sources.add(flow, flow.sourceFd!))
  }

  /** Without a watch (no memory, fs.epoll.max_user_watches) the flow is stepped now and then: slow, not stuck. */
  #waitFor(flow: Flow, watched: boolean): void {
    if (!watched) setTimeout(() => this.resume(flow), unwatchedMs)
  }
}
