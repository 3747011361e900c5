/**
 * Hot: the completion side of a ring. All that is there is copied out first and given back to the kernel with one
 * release store; only then is anybody called, who may submit again, or throw, without a completion being lost.
 */
import { loadAcquire, storeRelease } from '../native/atomics.js'
import { CQE_MORE } from './flags.js'
import { cqe } from './layout.js'
import type { MappedRing } from './mapped-ring.js'
import { highMask } from './submission-queue.js'

/** Who is told of completions: one object, made once. */
export interface CompletionHandler {
  /**
   * One completion. `low` and `high` are the submission's user data, `result` its result or -errno. Where `flags`
   * lacks CQE_MORE it was the submission's last: bytes that it named are free, and a multishot is to be armed anew.
   */
  onCompletion(low: number, high: number, result: number, flags: number): void
}

/** The user data's high half of submissions that are the ring's own: 31 bits, and uncounted. */
const own = -1

export class CompletionQueue {
  readonly #words: Int32Array
  readonly #mask: number
  readonly #headAt: number
  readonly #tailAt: number
  readonly #cqesAt: number
  /** What was copied out: four words each, as in the ring. Those before `#next` were delivered. */
  readonly #batch: Int32Array
  #next = 0
  #end = 0
  /** How many counted submissions have had their last completion copied out, ever; wraps around at 32 bits. */
  finished = 0

  constructor(ring: MappedRing) {
    this.#words = ring.cq
    this.#mask = ring.cqMask
    this.#headAt = ring.cqHead
    this.#tailAt = ring.cqTail
    this.#cqesAt = ring.cqes
    this.#batch = new Int32Array((ring.cqMask + 1) * cqe.words)
  }

  /** How many completions are in the ring. */
  get ready(): number {
    return (loadAcquire(this.#words, this.#tailAt) - this.#words[this.#headAt]!) | 0
  }

  /** Whether completions were copied out that nobody was told of: a handler threw. */
  get undelivered(): boolean {
    return this.#next < this.#end
  }

  /** Copies out what is there, unless something is undelivered → how many completions wait to be delivered. */
  take(): number {
    if (!this.undelivered) this.#copy()
    return (this.#end - this.#next) / cqe.words
  }

  /** Tells of what was copied out, the ring's own to `self`. What a handler throws goes through: call it again. */
  deliver(handler: CompletionHandler, self: CompletionHandler): void {
    const batch = this.#batch
    const end = this.#end
    let at = this.#next
    try {
      while (at < end) {
        const from = at
        at += cqe.words
        const high = batch[from + 1]!
        if (high === own) self.onCompletion(batch[from]!, high, batch[from + 2]!, batch[from + 3]!)
        else handler.onCompletion(batch[from]!, high & highMask, batch[from + 2]!, batch[from + 3]!)
      }
    } finally {
      this.#next = at
    }
  }

  #copy(): void {
    const words = this.#words
    const batch = this.#batch
    const mask = this.#mask
    const head = words[this.#headAt]!
    const tail = loadAcquire(words, this.#tailAt)
    let to = 0
    let finished = this.finished
    for (let index = head; index !== tail; index = (index + 1) | 0) {
      const from = this.#cqesAt + (index & mask) * cqe.words
      const high = words[from + 1]!
      const flags = words[from + 3]!
      batch[to] = words[from]!
      batch[to + 1] = high
      batch[to + 2] = words[from + 2]!
      batch[to + 3] = flags
      // Without a sign bit: the submission was counted.
      if (high >= 0 && (flags & CQE_MORE) === 0) finished = (finished + 1) | 0
      to += cqe.words
    }
    this.finished = finished
    this.#next = 0
    this.#end = to
    if (to > 0) storeRelease(words, this.#headAt, tail)
  }
}
