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
  /** Flows that want a step, from `#head` to `#tail`. */
  readonly #queue: (Flow | null)[] = []
  #head = 0
  #tail = 0
  #running = false
  #closed = false
  /** How much of the present turn is used. A turn begins when the engine is woken, or when the last one was used up. */
  #usedMs = 0
  /** What is in the queue waits until the loop's other callbacks have had their turn. */
  #usedUp = false
  /** Whether the steps of this turn left nothing to Node's loop but timers. */
  #keptToItself = true

  abstract forget(flow: Flow, sinkOpen?: boolean, sourceOpen?: boolean): void

  resume(flow: Flow): void {
    this.enqueue(flow)
    if (!this.#running) this.run()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#queue.fill(null)
    this.#head = 0
    this.#tail = 0
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
    const queue = this.#queue
    if (this.#tail === queue.length) queue.push(flow)
    else queue[this.#tail] = flow
    this.#tail++
  }

  /**
   * Begins a turn: an iteration of Node's loop wakes the engine at most once for each of its descriptors.
   * → whether the turn left nothing to the loop but timers.
   */
  protected wake(): boolean {
    this.#usedMs = 0
    this.#keptToItself = true
    this.run()
    return this.#keptToItself
  }

  /** Steps those that are in the queue, as far as the turn goes. */
  protected run(): void {
    if (this.#head === this.#tail || this.#usedUp) return
    const start = performance.now()
    const deadline = start + turnMs - this.#usedMs
    const queue = this.#queue
    let now = start
    this.#running = true
    try {
      while (this.#head < this.#tail && now < deadline) {
        const flow = queue[this.#head]!
        queue[this.#head++] = null
        flow.queued = false
        this.#advance(flow)
        now = performance.now()
      }
    } finally {
      this.#usedMs += now - start
      // Ending a flow may run code of the program's; what that throws must not stop all the others.
      this.#running = false
      this.#moveUp()
      if (this.#tail > 0) {
        this.#usedUp = true
        setImmediate(this.#beginTurn)
      }
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

  /** What waits for the next turn comes first in it. The array keeps its room. */
  #moveUp(): void {
    const count = this.#tail - this.#head
    if (count > 0) {
      this.#queue.copyWithin(0, this.#head, this.#tail)
      this.#queue.fill(null, count, this.#tail)
    }
    this.#head = 0
    this.#tail = count
  }

  #advance(flow: Flow): void {
    const step = flow.step()
    const waits = step === STEP_WAIT || step === STEP_WAIT_SOURCE
    if (flow.keepsToItself !== true || !(waits || step === STEP_MORE)) this.#keptToItself = false
    if (step === STEP_MORE) this.enqueue(flow)
    else if (waits && !this.watch(flow, step === STEP_WAIT_SOURCE)) this.stepLater(flow)
  }
}
