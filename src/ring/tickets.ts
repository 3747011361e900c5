/**
 * Hot: what user data says: a slot, in the low half, and how often that slot was used, in the high half, so that a
 * completion that comes after its slot has another owner is recognised.
 */

/** Generations stay below the high half that is the ring's own. */
const generationMax = 0x7ffffffe

export class Tickets {
  readonly capacity: number
  readonly #generations: Int32Array
  readonly #used: Uint8Array
  /** A stack of the free slots, so that the one used last, warm in the cache, is used next. */
  readonly #free: Int32Array
  #freeCount: number

  constructor(capacity: number) {
    this.capacity = capacity
    this.#generations = new Int32Array(capacity)
    this.#used = new Uint8Array(capacity)
    this.#free = Int32Array.from({ length: capacity }, (_, index) => capacity - 1 - index)
    this.#freeCount = capacity
  }

  get taken(): number {
    return this.capacity - this.#freeCount
  }

  /** A free slot, or -1. */
  take(): number {
    if (this.#freeCount === 0) return -1
    const slot = this.#free[--this.#freeCount]!
    this.#used[slot] = 1
    return slot
  }

  /** The high half of the slot's user data, until it is released. */
  generation(slot: number): number {
    return this.#generations[slot]!
  }

  /** Whether a completion is for the slot's present owner. */
  isCurrent(slot: number, generation: number): boolean {
    return this.#used[slot] === 1 && this.#generations[slot] === generation
  }

  /** The slot is free: completions that still come are stale. */
  release(slot: number): void {
    if (this.#used[slot] !== 1) throw new Error(`ticket ${slot} was released without being taken`)
    this.#used[slot] = 0
    const generation = this.#generations[slot]!
    this.#generations[slot] = generation === generationMax ? 0 : generation + 1
    this.#free[this.#freeCount++] = slot
  }
}
