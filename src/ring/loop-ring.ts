/**
 * Hot: a ring that Node's loop watches, for any program. Set up with COOP_TASKRUN: the kernel finishes operations when
 * this thread next enters it, which epoll counts as (a ring with DEFER_TASKRUN would not wake an idle loop).
 *
 * The loop, and with it the process, is kept running while anything is in flight that was submitted.
 */
import { systemError } from '../base/errors.js'
import type { WakeHandle } from '../native/calls.js'
import type { CompletionHandler } from './completion-queue.js'
import { SETUP_COOP_TASKRUN, SETUP_SUBMIT_ALL, SETUP_TASKRUN_FLAG } from './flags.js'
import { Ring, type RingOptions } from './ring.js'

/** Who is told of completions, and of the end of each batch. */
export interface LoopHandler extends CompletionHandler {
  /** All that were there have been told of. What is prepared here is submitted with what onCompletion() prepared. */
  onReaped?(): void
}

/** How often completions are reaped before other callbacks of the loop have their turn. */
const roundsMax = 8
/** How often, when closing, what has started meanwhile is cancelled. */
const cancelAgainMs = 10

export class LoopRing extends Ring {
  protected readonly self: CompletionHandler = { onCompletion() {} }
  readonly #handler: LoopHandler
  readonly #wake: WakeHandle
  #alive = false
  #again = false
  #closed: Promise<void> | null = null
  #drained: (() => void) | null = null

  /**
   * `handler` is called from the loop for each completion. What it, or anybody else, has prepared by the end of such a
   * turn is submitted; whoever prepares at other times calls submit().
   */
  constructor(handler: LoopHandler, options: RingOptions = {}) {
    const flags = SETUP_SUBMIT_ALL | (options.submissionThread ? 0 : SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG)
    super(flags, options)
    this.#handler = handler
    // The watch closes its descriptor, at a time of its own.
    const fd = this.native.dup(this.mapped.fd)
    const wake = fd < 0 ? fd : this.native.wakeOpen(fd, this.#turn)
    if (typeof wake === 'number') {
      if (fd >= 0) this.native.close(fd)
      this.destroy()
      throw systemError(wake, fd < 0 ? 'dup' : 'uv_poll_init', 'Opening a ring')
    }
    this.#wake = wake
  }

  override submit(): boolean {
    const all = super.submit()
    if (!this.gone) this.#keepAlive(this.inFlight > 0)
    // The kernel had no memory for it, or too many completions wait: those come first.
    if (!all && !this.#again) {
      this.#again = true
      setImmediate(this.#turn)
    }
    return all
  }

  /**
   * Cancels what is in flight and waits for the last completion of each, of which the handler is told; then the memory
   * that submissions named is free. A zero-copy send ends when its peer has acknowledged the bytes or the connection
   * is gone: close connections first. Every call returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.submissions.close()
    while (this.inFlight > 0 || this.completions.undelivered) {
      this.cancelEverything(0)
      await this.#drainedOr(cancelAgainMs)
    }
    // Not from within the watch's own callback.
    await new Promise(setImmediate)
    this.native.wakeClose(this.#wake)
    this.destroy()
  }

  #drainedOr(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#drained = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  readonly #turn = (): void => {
    this.#again = false
    let thrown = true
    try {
      for (let round = 0; round < roundsMax; round++) {
        const count = this.reap(this.#handler)
        if (count > 0) this.#handler.onReaped?.()
        this.submit()
        if (count === 0) break
      }
      thrown = false
    } finally {
      // Node reports what a handler has thrown; the other completions are told of all the same.
      if (thrown) setImmediate(this.#turn)
    }
    if (this.#drained !== null && this.inFlight === 0) this.#drained()
  }

  #keepAlive(alive: boolean): void {
    if (this.#alive === alive) return
    this.#alive = alive
    this.native.wakeKeepAlive(this.#wake, alive ? 1 : 0)
  }
}
