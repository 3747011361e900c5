/** A ring to try operations on, one at a time: what it refuses is a refusal as any other call's. */
import { constants } from 'node:os'
import type { CompletionHandler } from '../ring/completion-queue.js'
import { RingMemory } from '../ring/ring-memory.js'
import type { Submissions } from '../ring/submissions.js'
import { ThreadRing } from '../ring/thread-ring.js'
import type { Workbench } from './workbench.js'

export interface Completion {
  /** The operation's result, or -errno. */
  readonly value: number
  readonly flags: number
}

/** There is hardly ever more than one in flight. */
const entries = 4

export class TrialRing implements CompletionHandler {
  readonly submissions: Submissions
  readonly #bench: Workbench
  readonly #ring: ThreadRing
  readonly #completions: Completion[] = []
  /** The kernel may use them until the ring is closed. */
  readonly #memories: RingMemory[] = []

  /** Closed when the try ends. @throws SluiceError, with `syscall` and `errno` */
  constructor(bench: Workbench) {
    this.#bench = bench
    this.#ring = new ThreadRing({ entries })
    this.submissions = this.#ring.submissions
    // Nothing is waited for but what the kernel has: this closes it at once.
    bench.atEnd(() => void this.#ring.close())
  }

  supports(operation: number): boolean {
    return this.#ring.supports(operation)
  }

  /** Lets submissions name these bytes, which must stay where they are until the try ends. */
  use(bytes: Uint8Array): RingMemory {
    const memory = new RingMemory(this.#bench.native, bytes, () => {})
    this.#memories.push(memory)
    return memory
  }

  /** Submits, and waits for the next completion. @throws Refusal, with ETIMEDOUT where none comes */
  async completion(): Promise<Completion> {
    await this.#bench.until('io_uring_enter', () => {
      this.#ring.wait(0)
      this.#ring.reap(this)
      return this.#completions.length > 0 ? 0 : -constants.errno.EAGAIN
    })
    return this.#completions.shift()!
  }

  onCompletion(_low: number, _high: number, value: number, flags: number): void {
    this.#completions.push({ value, flags })
  }
}
