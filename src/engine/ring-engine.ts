/**
 * Hot: steps flows when their descriptors are ready, of which it learns through a ring. What the flows of a turn wait
 * for, and wait for no longer, is submitted with one system call.
 */
import type { Native } from '../native/calls.js'
import { type LoopHandler, LoopRing } from '../ring/loop-ring.js'
import type { RingOptions } from '../ring/ring.js'
import type { Flow } from './flow.js'
import { RingWatches } from './ring-watches.js'
import { TurnEngine } from './turn-engine.js'

/** A turn that has more to say enters the kernel more than once. */
const entries = 256
/** How many edges fit between two turns of the loop. More end their watches, which are armed anew. */
const completions = 4096

export class RingEngine extends TurnEngine implements LoopHandler {
  readonly name = 'ring'
  readonly #ring: LoopRing
  readonly #watches: RingWatches
  /** Events that say that there is an end. */
  readonly #endings: number

  /**
   * @throws ERR_SLUICE_RING where the machine does not allow rings, saying why; ERR_SLUICE_ADDON; ERR_SLUICE_MEMORY;
   *   ERR_SLUICE_DESCRIPTORS
   */
  constructor(native: Native, options: RingOptions = { entries, completions }) {
    super()
    this.#ring = new LoopRing(this, options)
    this.#endings = native.EPOLLRDHUP | native.EPOLLHUP | native.EPOLLERR
    // Poll's and epoll's names stand for the same bits.
    this.#watches = new RingWatches(this.#ring, {
      sink: native.EPOLLOUT,
      source: native.EPOLLIN | native.EPOLLRDHUP,
    })
  }

  get watching(): number {
    return this.#watches.size
  }

  /** By what the watch was set for, so that it does not matter whose the descriptor's number is by now. */
  forget(flow: Flow): void {
    this.#watches.remove(flow)
    // At once: the watch keeps a file open that the program may be about to close.
    if (!this.running) this.#ring.submit()
  }

  onCompletion(slot: number, generation: number, result: number, flags: number): void {
    const flow = this.#watches.complete(slot, generation, flags)
    if (flow === null) return
    if (result < 0) return this.stepLater(flow)
    if ((result & this.#endings) !== 0 && flow.sourceEnding === false) flow.sourceEnding = true
    this.enqueue(flow)
  }

  onReaped(): void {
    this.wake()
  }

  protected watch(flow: Flow, source: boolean): boolean {
    return this.#watches.add(flow, source)
  }

  protected settle(): void {
    this.#ring.submit()
  }

  protected letGo(): Promise<void> {
    this.#watches.clear()
    return this.#ring.close()
  }
}
