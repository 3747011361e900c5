/** Clients that wait for a place at an upstream, in the order in which they came, for no longer than all of them may. */
import { performance } from 'node:perf_hooks'

export class WaitingLine<Waiting> {
  /** By client, when its time is up. A map keeps the order, and who leaves from the middle costs nothing. */
  readonly #deadlines = new Map<Waiting, number>()
  readonly #onLate: (waiting: Waiting) => void
  #timer: NodeJS.Timeout | null = null

  constructor(onLate: (waiting: Waiting) => void) {
    this.#onLate = onLate
  }

  get length(): number {
    return this.#deadlines.size
  }

  get first(): Waiting | null {
    const { done, value } = this.#deadlines.keys().next()
    return done === true ? null : value
  }

  join(waiting: Waiting, ms: number): void {
    this.#deadlines.set(waiting, performance.now() + ms)
    this.#watch()
  }

  /** Who is not in it leaves nothing. */
  leave(waiting: Waiting): void {
    this.#deadlines.delete(waiting)
    if (this.#deadlines.size === 0) this.#stopWatching()
  }

  /** Empties it → those who waited, in order. */
  dissolve(): Waiting[] {
    const all = [...this.#deadlines.keys()]
    this.#deadlines.clear()
    this.#stopWatching()
    return all
  }

  /** One timer, for who came first: later ones are late later, but for a limit that was changed meanwhile. */
  #watch(): void {
    if (this.#timer !== null) return
    const { done, value: deadline } = this.#deadlines.values().next()
    if (done === true) return
    this.#timer = setTimeout(() => this.#endLate(), Math.max(1, deadline - performance.now()))
    this.#timer.unref()
  }

  /** A timer may be early by less than a millisecond: who is not late yet is looked at again. */
  #endLate(): void {
    this.#timer = null
    const now = performance.now()
    for (const [waiting, deadline] of this.#deadlines) {
      if (deadline > now) break
      this.#deadlines.delete(waiting)
      this.#onLate(waiting)
    }
    this.#watch()
  }

  #stopWatching(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
