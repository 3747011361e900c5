/**
 * Hot: a ring whose thread waits in io_uring_enter(2) itself, for a worker that does nothing else. Set up with
 * DEFER_TASKRUN and SINGLE_ISSUER: operations are finished when this thread enters the kernel, and at no other time,
 * which is the cheapest way there is. Node's loop stands still meanwhile: no timers, messages or promises in this
 * thread while run() runs. Others wake it with a `Doorbell`, or with a message() from their own ring.
 */
import type { CompletionHandler } from './completion-queue.js'
import { ENTER_GETEVENTS, SETUP_DEFER_TASKRUN, SETUP_SINGLE_ISSUER, SETUP_SUBMIT_ALL } from './flags.js'
import { Ring, type RingOptions } from './ring.js'
import { RingMemory } from './ring-memory.js'

/**
 * How long the thread waits at most before it looks whether it is to end: worker.terminate() and process.exit() cannot
 * interrupt a system call, and wait for it.
 */
const waitMs = 250
/** How often, when closing, what has started meanwhile is cancelled. */
const cancelAgainMs = 10
/** An eventfd is read in this many bytes. */
const counterBytes = 8

/** The rings of this thread that are open: nobody may lose one while the kernel writes to memory through it. */
const open = new Set<ThreadRing>()

export class ThreadRing extends Ring {
  protected readonly self: CompletionHandler = {
    onCompletion: (low, _high, result) => this.#heard(low, result),
  }
  #running = false
  #closed: Promise<void> | null = null
  readonly #bells: { fd: number; memory: RingMemory; onRing: () => void }[] = []

  constructor(options: RingOptions = {}) {
    // With a submission thread it is that thread which submits and finishes.
    const own = SETUP_DEFER_TASKRUN | SETUP_SINGLE_ISSUER
    super(SETUP_SUBMIT_ALL | (options.submissionThread ? SETUP_SINGLE_ISSUER : own), options)
    open.add(this)
  }

  /**
   * Submits, waits for at least one completion and tells the handler of all there are, again and again until stop() is
   * called, by the handler or by what hears a doorbell. What the handler throws goes through, and run() can be called
   * again.
   */
  run(handler: CompletionHandler): void {
    this.#running = true
    try {
      while (this.#running && !this.gone) {
        this.wait(waitMs)
        this.reap(handler)
      }
    } finally {
      this.#running = false
    }
  }

  /** Lets run() return, once the completions that it has taken are delivered. */
  stop(): void {
    this.#running = false
  }

  /**
   * Submits, and waits for a completion for at most so many milliseconds; 0 does not wait. What is there already is
   * not waited for. reap() comes next.
   */
  wait(ms: number): void {
    if (this.gone) return
    const count = this.publish()
    if (ms === 0 || this.completions.ready > 0 || this.completions.undelivered) {
      this.enter(count, 0, ENTER_GETEVENTS)
      return
    }
    const { enterFd, enterFlags } = this.registered
    this.checkEntered(this.native.ioUringEnterFor(enterFd, count, 1, ENTER_GETEVENTS | enterFlags, ms))
  }

  /**
   * Calls back, from within reap(), when somebody has rung. The descriptor is a `Doorbell`'s, of any thread, which
   * stays open until this ring is closed.
   */
  hear(bellFd: number, onRing: () => void): void {
    const memory = new RingMemory(this.native, new Uint8Array(new ArrayBuffer(counterBytes)), () => {})
    const index = this.#bells.push({ fd: bellFd, memory, onRing }) - 1
    this.#listen(index)
  }

  /**
   * As LoopRing.close(), with the thread waiting. `handler` is told of what ends now; where it throws, closing goes on,
   * and the promise is rejected with the first that it threw.
   */
  close(handler: CompletionHandler = { onCompletion() {} }): Promise<void> {
    this.#closed ??= this.#close(handler)
    return this.#closed
  }

  async #close(handler: CompletionHandler): Promise<void> {
    const thrown: unknown[] = []
    this.submissions.close()
    while (this.inFlight > 0 || this.completions.undelivered) {
      this.cancelEverything(0)
      this.wait(cancelAgainMs)
      try {
        this.reap(handler)
      } catch (error) {
        thrown.push(error)
      }
    }
    open.delete(this)
    this.destroy()
    if (thrown.length > 0) throw thrown[0]
  }

  #heard(index: number, result: number): void {
    const bell = this.#bells[index]
    // Another submission of the ring's, or the end: the bell is cancelled when the ring closes.
    if (bell === undefined || result !== counterBytes) return
    this.#listen(index)
    bell.onRing()
  }

  #listen(index: number): void {
    const { fd, memory } = this.#bells[index]!
    this.submissions.readOwn(fd, memory, counterBytes, index)
  }
}
