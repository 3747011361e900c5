/**
 * Hot: which flows wait, through a ring, for their descriptors to become ready.
 *
 * A watch is a multishot poll, which tells of every edge as an edge-triggered epoll set does: one submission serves a
 * flow however often it waits. It is of the open file, not of the number: it does not end when the descriptor is
 * closed, but keeps the file open, and so the connection, until it is cancelled. So every watch is cancelled.
 */
import { SluiceError } from '../base/errors.js'
import { CQE_MORE, POLL_MULTISHOT, SKIP_SUCCESS } from '../ring/flags.js'
import type { LoopRing } from '../ring/loop-ring.js'
import type { Flow } from './flow.js'

/** The poll(2) events of either direction. */
export interface Events {
  readonly sink: number
  readonly source: number
}

/** What cancelling says of itself is of no interest: no slot has this number. */
const nobody = -1
/** The last generation that user data has room for. */
const generationMax = 0x7ffffffe
/** How soon a watch is cancelled for which the ring had no room. */
const cancelAgainMs = 10

export class RingWatches {
  readonly #ring: LoopRing
  readonly #events: Events
  /** By slot: the flow that waits there, how often the slot was used, and whether the kernel watches. */
  readonly #flows: (Flow | null)[] = []
  readonly #generations: number[] = []
  readonly #armed: boolean[] = []
  readonly #freeSlots: number[] = []
  readonly #sinks = new Map<Flow, number>()
  readonly #sources = new Map<Flow, number>()

  constructor(ring: LoopRing, events: Events) {
    this.#ring = ring
    this.#events = events
  }

  get size(): number {
    return this.#sinks.size + this.#sources.size
  }

  /** Prepares a watch for the flow, which may have it already → false where the ring has no room for it. */
  add(flow: Flow, source: boolean): boolean {
    const slots = source ? this.#sources : this.#sinks
    let slot = slots.get(flow)
    if (slot === undefined) {
      slot = this.#take(flow)
      slots.set(flow, slot)
    }
    if (this.#armed[slot]) return true
    const { submissions } = this.#ring
    const fd = source ? flow.sourceFd! : flow.fd
    const events = source ? this.#events.source : this.#events.sink
    try {
      submissions.poll(fd, events, POLL_MULTISHOT, slot, this.#generations[slot]!)
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      this.#drop(slots, flow, slot)
      return false
    }
    this.#armed[slot] = true
    return true
  }

  /** Ends the flow's watches, with the ring's next submit. */
  remove(flow: Flow): void {
    this.#remove(this.#sinks, flow)
    this.#remove(this.#sources, flow)
  }

  /** A completion has come → the flow that it is for, or null where that is not there any more. */
  complete(slot: number, generation: number, flags: number): Flow | null {
    if (this.#generations[slot] !== generation) return null
    // It may also end by itself, as where completions overflow: the flow's next wait arms it anew.
    if ((flags & CQE_MORE) === 0) this.#armed[slot] = false
    return this.#flows[slot] ?? null
  }

  /** Forgets everything, of which the kernel is not told. */
  clear(): void {
    this.#sinks.clear()
    this.#sources.clear()
    this.#flows.length = 0
    this.#generations.length = 0
    this.#freeSlots.length = 0
  }

  #take(flow: Flow): number {
    const slot = this.#freeSlots.pop() ?? this.#flows.length
    const generation = this.#generations[slot] ?? generationMax
    this.#flows[slot] = flow
    this.#generations[slot] = generation === generationMax ? 0 : generation + 1
    this.#armed[slot] = false
    return slot
  }

  #remove(slots: Map<Flow, number>, flow: Flow): void {
    const slot = slots.get(flow)
    if (slot === undefined) return
    if (this.#armed[slot]) this.#cancel(slot, this.#generations[slot]!)
    this.#drop(slots, flow, slot)
  }

  #drop(slots: Map<Flow, number>, flow: Flow, slot: number): void {
    slots.delete(flow)
    this.#flows[slot] = null
    this.#freeSlots.push(slot)
  }

  /** Not removePoll(), which leaves a poll alone that is about to complete: a multishot would go on after that. */
  #cancel(slot: number, generation: number): void {
    const { submissions } = this.#ring
    try {
      submissions.cancel(slot, generation, 0, nobody, 0)
      submissions.mark(SKIP_SUCCESS)
    } catch (error) {
      if ((error as SluiceError).code !== 'ERR_SLUICE_RING_FULL') throw error
      setTimeout(() => this.#cancelAgain(slot, generation), cancelAgainMs)
    }
  }

  #cancelAgain(slot: number, generation: number): void {
    if (this.#ring.closing) return
    this.#cancel(slot, generation)
    this.#ring.submit()
  }
}
