/**
 * Hot: an epoll set for one direction: which flows wait for their descriptors to become readable, or writable.
 *
 * A descriptor can be in a set once, so reading and writing have a set each: the two flows of a relay share their
 * descriptors, one waiting to read where the other waits to write. A number is used again once its descriptor is closed;
 * an event whose generation is not its number's is stale and dropped.
 */
import { systemError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import type { Flow } from './flow.js'

const eventsMax = 256
const eventWords = 3
/** The mask of an event is followed by its tag, a descriptor, and by the generation: 0 where no flow waits for it. */
const tagWord = 1
const generationWord = 2

/** Room for the events that are taken at once. */
export function eventRoom(): Uint32Array {
  return new Uint32Array(eventsMax * eventWords)
}

/** Whether one of the first `count` events is of that descriptor, which no flow waits for. */
export function hasEvent(events: Uint32Array, count: number, fd: number): boolean {
  for (let index = 0; index < count * eventWords; index += eventWords)
    if (events[index + generationWord] === 0 && events[index + tagWord] === fd) return true
  return false
}

export class WatchSet {
  /** Closed by whoever waits on it. */
  readonly epoll: number
  readonly #native: Native
  readonly #mask: number
  /** Events that say that there is an end. */
  readonly #endings: number
  readonly #onReady: (flow: Flow) => void
  readonly #events = eventRoom()
  /** By descriptor: the flow that waits for it, and how often the number was used. */
  readonly #flows: (Flow | null)[] = []
  readonly #generations: number[] = []
  #size = 0

  /**
   * `onReady` is called for every flow that may go on.
   *
   * @throws ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_MEMORY
   */
  constructor(native: Native, events: number, onReady: (flow: Flow) => void) {
    this.#native = native
    this.#onReady = onReady
    // Edge-triggered: a watch is set once for a flow, however often it waits.
    this.#mask = events | native.EPOLLET
    this.#endings = native.EPOLLRDHUP | native.EPOLLHUP | native.EPOLLERR
    this.epoll = native.epollCreate()
    if (this.epoll < 0) throw systemError(this.epoll, 'epoll_create1', 'Opening the poll engine')
  }

  /** Flows that are watched now. */
  get size(): number {
    return this.#size
  }

  /** Watches the descriptor for the flow, which may be watched already → false where no watch can be had. */
  add(flow: Flow, fd: number): boolean {
    const flows = this.#flows
    if (flows[fd] === flow) return true
    while (flows.length <= fd) {
      flows.push(null)
      this.#generations.push(0)
    }
    const generation = (this.#generations[fd]! + 1) >>> 0 || 1
    const { EPOLL_CTL_ADD } = this.#native
    if (this.#native.epollControl(this.epoll, EPOLL_CTL_ADD, fd, this.#mask, fd, generation) !== 0)
      return false
    // Who was there before closed the descriptor without taking leave.
    if (flows[fd] === null) this.#size++
    this.#generations[fd] = generation
    flows[fd] = flow
    return true
  }

  /** Ends the watch, if there is one. A descriptor that was closed has left the set by itself. */
  remove(flow: Flow, fd: number, isOpen: boolean): void {
    if (this.#flows[fd] !== flow) return
    if (isOpen) this.#native.epollControl(this.epoll, this.#native.EPOLL_CTL_DEL, fd, 0, 0, 0)
    this.#flows[fd] = null
    this.#size--
  }

  /** No flow waits any more. */
  clear(): void {
    this.#flows.length = 0
    this.#generations.length = 0
    this.#size = 0
  }

  /** Watches a descriptor for no flow, as long as it stays readable → 0, or -errno. `hasEvent` knows its events. */
  addReadable(fd: number): number {
    const { EPOLL_CTL_ADD, EPOLLIN } = this.#native
    return this.#native.epollControl(this.epoll, EPOLL_CTL_ADD, fd, EPOLLIN, fd, 0)
  }

  /** Takes the events that there are. */
  take(): void {
    this.note(this.#events, this.#native.epollWait(this.epoll, this.#events))
  }

  /**
   * Notes every event before any flow runs: a flow that ends may free a number that a later event names.
   * → whether all were of flows.
   */
  note(events: Uint32Array, count: number): boolean {
    let ofFlows = true
    for (let index = 0; index < count * eventWords; index += eventWords) {
      const fd = events[index + tagWord]!
      const generation = events[index + generationWord]!
      if (generation === 0) ofFlows = false
      const flow = this.#flows[fd]
      if (flow === null || flow === undefined || this.#generations[fd] !== generation) continue
      if ((events[index]! & this.#endings) !== 0 && flow.sourceEnding === false) flow.sourceEnding = true
      this.#onReady(flow)
    }
    return ofFlows
  }
}
