/**
 * Hot: who owns each slot of a pool. A slot is free, leased to the program, or in flight to the kernel:
 *
 *     free ──take──▶ leased ──submit──▶ in flight
 *       ▲              │ ▲                 │  │
 *       └───release────┘ └────complete─────┘  │
 *       └────────────────retire───────────────┘
 *
 * A slot's generation grows whenever it becomes free. A lease remembers the generation that it was given, so
 * a stale one never reaches the next owner's bytes.
 */
import { SluiceError } from '../base/errors.js'
import { InFlight } from './in-flight.js'
import { Lease, type LeaseOwner } from './lease.js'
import type { Region } from './region.js'
import type { Views } from './views.js'

const FREE = 0
const LEASED = 1
const IN_FLIGHT = 2
/** In flight, and the program has let go of it already: completing frees it. */
const ABANDONED = 3

export class Slots implements LeaseOwner {
  readonly region: Region
  /** The kernel's view of each slot. */
  readonly kernel: readonly Uint8Array[]
  readonly strideBytes: number
  readonly inFlight = new InFlight()
  readonly #views: Views
  readonly #onFree: () => void
  readonly #states: Uint8Array
  readonly #generations: Uint32Array
  /** A stack of the free slots, so that the one used last, warm in the cache, is used next. */
  readonly #free: Uint32Array
  #freeCount: number
  /** Every lease is dead then, but what is in flight still comes back. */
  closed = false

  /** `onFree` runs after a slot became free. */
  constructor(region: Region, kernel: Uint8Array[], strideBytes: number, views: Views, onFree: () => void) {
    this.region = region
    this.kernel = kernel
    this.strideBytes = strideBytes
    this.#views = views
    this.#onFree = onFree
    this.#states = new Uint8Array(kernel.length)
    this.#generations = new Uint32Array(kernel.length)
    this.#free = Uint32Array.from(kernel, (_, index) => kernel.length - 1 - index)
    this.#freeCount = kernel.length
  }

  get freeCount(): number {
    return this.#freeCount
  }

  get leasedCount(): number {
    return this.kernel.length - this.#freeCount - this.inFlight.count
  }

  /** null where no slot is free. */
  take(): Lease | null {
    if (this.#freeCount === 0) return null
    const slot = this.#free[this.#freeCount - 1]!
    const bytes = this.#views.open(slot)
    this.#freeCount--
    this.#states[slot] = LEASED
    return new Lease(this, slot, this.#generations[slot]!, bytes)
  }

  release(slot: number, generation: number): void {
    this.checkLeased(slot, generation, 'release()')
    this.#setFree(slot)
  }

  /** Gives back what is the program's, now or when the kernel is done with it; no error where it is not. */
  abandon(slot: number, generation: number): void {
    if (this.#generations[slot] !== generation) return
    if (this.#states[slot] === IN_FLIGHT) this.#states[slot] = ABANDONED
    else if (this.#states[slot] === LEASED) this.#setFree(slot)
  }

  submit(slot: number, generation: number): void {
    this.checkLeased(slot, generation, 'submitting it')
    this.#views.toKernel(slot)
    this.region.pin()
    this.inFlight.enter()
    this.#states[slot] = IN_FLIGHT
  }

  complete(slot: number, generation: number): void {
    const abandoned = this.#land(slot, generation) === ABANDONED
    if (abandoned || this.closed) this.#setFree(slot)
    else this.#views.toProgram(slot)
  }

  retire(slot: number, generation: number): void {
    this.#land(slot, generation)
    this.#setFree(slot)
  }

  /** Ends the views of slots that are leased still. Nothing may be in flight. */
  dropLeased(): void {
    for (let slot = 0; slot < this.#states.length; slot++) {
      if (this.#states[slot] === LEASED) this.#setFree(slot)
    }
  }

  /** @throws ERR_SLUICE_CLOSED, ERR_SLUICE_RELEASED, ERR_SLUICE_IN_FLIGHT */
  checkLeased(slot: number, generation: number, what: string): void {
    if (this.#generations[slot] === generation && this.#states[slot] === LEASED && !this.closed) return
    if (this.closed) {
      throw new SluiceError('ERR_SLUICE_CLOSED', `The pool of slot ${slot}'s lease was closed before ${what}`)
    }
    if (this.#generations[slot] !== generation || this.#states[slot] === FREE) {
      throw new SluiceError('ERR_SLUICE_RELEASED', `The lease of slot ${slot} was released before ${what}`)
    }
    throw new SluiceError('ERR_SLUICE_IN_FLIGHT', `The lease of slot ${slot} was in flight at ${what}`)
  }

  /** The kernel is done with a slot, which is the program's again → the state that it was in. */
  #land(slot: number, generation: number): number {
    const state = this.#states[slot]!
    if (this.#generations[slot] !== generation || (state !== IN_FLIGHT && state !== ABANDONED)) {
      throw new Error(`slot ${slot} came back from the kernel without being in flight`)
    }
    this.#states[slot] = LEASED
    this.inFlight.leave()
    this.region.unpin()
    return state
  }

  #setFree(slot: number): void {
    this.#views.drop(slot)
    this.#generations[slot]!++
    this.#states[slot] = FREE
    this.#free[this.#freeCount++] = slot
    this.#onFree()
  }
}
