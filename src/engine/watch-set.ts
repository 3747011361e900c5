/**
 * Hot: an epoll set that Node's loop watches, for one direction: which flows wait for their descriptors to become
 * readable, or writable.
 *
 * A descriptor can be in a set once, so reading and writing have a set each: the two flows of a relay share their
 * descriptors, one waiting to read where the other waits to write. A slot belongs to one flow; an event whose
 * generation is not its slot's is stale and dropped.
 */
import { systemError } from '../base/errors.js'
import type { Native, WakeHandle } from '../native/calls.js'
import type { Flow } from './flow.js'

const eventsMax = 256
const eventWords = 3

export class WatchSet {
  readonly #native: Native
  readonly #epoll: number
  readonly #wake: WakeHandle
  readonly #mask: number
  /** Events that say that there is an end. */
  readonly #endings: number
  readonly #onReady: (flow: Flow) => void
  readonly #events = new Uint32Array(eventsMax * eventWords)
  /** By slot: the flow that waits there, and how often the slot was used. */
  readonly #flows: (Flow | null)[] = []
  readonly #generations: number[] = []
  readonly #freeSlots: number[] = []
  readonly #slots = new Map<Flow, number>()

  /** `onReady` is called for every flow that may go on, then `onAllReady` once. */
  constructor(native: Native, events: number, onReady: (flow: Flow) => void, onAllReady: () => void) {
    this.#native = native
    this.#onReady = onReady
    // Edge-triggered: a watch is set once for a flow, however often it waits.
    this.#mask = events | native.EPOLLET
    this.#endings = native.EPOLLRDHUP | native.EPOLLHUP | native.EPOLLERR
    const epoll = native.epollCreate()
    if (epoll < 0) throw systemError(epoll, 'epoll_create1', 'Opening the poll engine')
    const wake = native.wakeOpen(epoll, () => {
      this.#takeEvents()
      onAllReady()
    })
    if (typeof wake === 'number') {
      native.close(epoll)
      throw systemError(wake, 'uv_poll_init', 'Opening the poll engine')
    }
    this.#epoll = epoll
    this.#wake = wake
  }

  /** Flows that are watched now. */
  get size(): number {
    return this.#slots.size
  }

  /** Watches the descriptor for the flow, which may be watched already → false where no watch can be had. */
  add(flow: Flow, fd: number): boolean {
    if (this.#slots.has(flow)) return true
    const slot = this.#freeSlots.pop() ?? this.#flows.length
    const generation = ((this.#generations[slot] ?? 0) + 1) >>> 0
    this.#flows[slot] = flow
    this.#generations[slot] = generation
    this.#slots.set(flow, slot)
    if (this.#slots.size === 1) this.#native.wakeKeepAlive(this.#wake, 1)
    const { EPOLL_CTL_ADD } = this.#native
    const added = this.#native.epollControl(this.#epoll, EPOLL_CTL_ADD, fd, this.#mask, slot, generation)
    if (added === 0) return true
    this.remove(flow, -1)
    return false
  }

  /** Ends the watch, if there is one. A descriptor that was closed has left the set by itself: -1. */
  remove(flow: Flow, fd: number): void {
    const slot = this.#slots.get(flow)
    if (slot === undefined) return
    if (fd !== -1) this.#native.epollControl(this.#epoll, this.#native.EPOLL_CTL_DEL, fd, 0, 0, 0)
    this.#slots.delete(flow)
    this.#flows[slot] = null
    this.#freeSlots.push(slot)
    if (this.#slots.size === 0) this.#native.wakeKeepAlive(this.#wake, 0)
  }

  /** The set goes, and with it every watch. Not from within a callback of its own. */
  close(): void {
    this.#slots.clear()
    this.#flows.length = 0
    this.#native.wakeClose(this.#wake)
  }

  /** Notes every event before any flow runs: a flow that ends may free a slot that a later event names. */
  #takeEvents(): void {
    const events = this.#events
    const count = this.#native.epollWait(this.#epoll, events)
    for (let index = 0; index < count * eventWords; index += eventWords) {
      const slot = events[index + 1]!
      const flow = this.#flows[slot]
      if (flow === null || flow === undefined || this.#generations[slot] !== events[index + 2]) continue
      if ((events[index]! & this.#endings) !== 0 && flow.sourceEnding === false) flow.sourceEnding = true
      this.#onReady(flow)
    }
  }
}
