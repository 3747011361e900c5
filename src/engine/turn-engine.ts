/**
 * Hot: what the engines have in common: who is stepped when.
 *
 * A flow is in the run queue at most once. Flows run for at most `turnMs` in one iteration of the loop, so that other
 * callbacks get their share, and each step is bounded, so that no flow starves another.
 */
import { performance } from 'node:perf_hooks'
import type { Engine, EngineName } from './engine.js'
import { type Flow, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE } from './flow.js'

/** How long flows may run before the loop gets its turn. Well under what a person or a health check notices. */
const turnMs = 4
/** How often a flow is stepped that cannot be watched. */
const unwatchedMs = 10

export abstract class TurnEngine implements Engine {
  abstract readonly name: EngineName
  abstract readonly watching: number
  /** Flows that want a step; those before `#head` had theirs. */
  readonly #queue: Flow[] = []
  #head = 0
  #running = false
  #closed = false
  /** How much of the present turn is used. A turn begins when the engine is woken, or when the last one was used up. */
  #usedMs = 0
  /** What is in the queue waits until the loop's other callbacks have had their turn. */
  #usedUp = false

  abstract forget(flow: Flow, sinkOpen?: boolean, sourceOpen?: boolean): void

  resume(flow: Flow): void {
    this.enqueue(flow)
    if (!this.#running) this.run()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#queue.length = 0
    await this.letGo()
  }

  /** Whether flows are being stepped: `settle` comes after them. */
  protected get running(): boolean {
    return this.#running
  }

  /** Watches what the flow sends on, or receives from, which may be watched already → false where no watch can be had. */
  protected abstract watch(flow: Flow, source: boolean): boolean

  /** Flows have been stepped, and others of the loop's callbacks come next. */
  protected abstract settle(): void

  protected abstract letGo(): Promise<void>

  protected enqueue(flow: Flow): void {
    if (flow.queued || this.#closed) return
    flow.queued = true
    this.#queue.push(flow)
  }

  /** Begins a turn: an iteration of Node's loop wakes the engine at most once for each of its descriptors. */
  protected wake(): void {
    this.#usedMs = 0
    this.run()
  }

  /** Steps those that are in the queue, as far as the turn goes. */
  protected run(): void {
    const queue = this.#queue
    if (queue.length === 0 || this.#usedUp) return
    const start = performance.now()
    const deadline = start + turnMs - this.#usedMs
    let now = start
    this.#running = true
    try {
      while (this.#head < queue.length && now < deadline) {
        const flow = queue[this.#head++]!
        flow.queued = false
        this.#advance(flow)
        now = performance.now()
      }
    } finally {
      this.#usedMs += now - start
      // Ending a flow may run code of the program's; what that throws must not stop all the others.
      this.#running = false
      if (this.#head >= queue.length) queue.length = 0
      else {
        queue.splice(0, this.#head)
        this.#usedUp = true
        setImmediate(this.#beginTurn)
      }
      this.#head = 0
      this.settle()
    }
  }

  /** Without a watch (no memory, fs.epoll.max_user_watches) the flow is stepped now and then: slow, not stuck. */
  protected stepLater(flow: Flow): void {
    setTimeout(() => this.resume(flow), unwatchedMs)
  }

  readonly #beginTurn = (): void => {
    this.#usedUp = false
    this.wake()
  }

  #advance(flow: Flow): void {
    const step = flow.step()
    if (step === STEP_MORE) this.enqueue(flow)
    else if (step === STEP_WAIT || step === STEP_WAIT_SOURCE) {
      if (!this.watch(flow, step === STEP_WAIT_SOURCE)) this.stepLater(flow)
    }
  }
}
