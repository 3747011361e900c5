/**
 * Hot: a ring of submissions and completions (io_uring(7)), driven from here: memory mapped once, one system call for
 * any number of submissions. It has two ways to run, which differ in who waits: `LoopRing` and `ThreadRing`.
 *
 * A ring belongs to the thread that made it. It lives until close(), or as long as its thread.
 */
import { constants } from 'node:os'
import { SluiceError, systemError } from '../base/errors.js'
import { checkInteger } from '../base/options.js'
import type { Region } from '../memory/region.js'
import type { Native } from '../native/calls.js'
import { addonMissing, native as loaded } from '../native/load.js'
import { type CompletionHandler, CompletionQueue } from './completion-queue.js'
import {
  ENTER_GETEVENTS,
  ENTER_SQ_WAIT,
  ENTER_SQ_WAKEUP,
  SETUP_SQ_AFF,
  SETUP_SQPOLL,
  SQ_CQ_OVERFLOW,
  SQ_TASKRUN,
} from './flags.js'
import { type MappedRing, openMappedRing } from './mapped-ring.js'
import { supportedOperations } from './probe.js'
import { ProvidedBuffers, type ProvidedBuffersOptions } from './provided-buffers.js'
import { RegisteredBuffers } from './registered-buffers.js'
import { RegisteredFiles } from './registered-files.js'
import { RegisteredRing } from './registered-ring.js'
import { RingMemory } from './ring-memory.js'
import { scratchWords } from './submission-queue.js'
import { Submissions } from './submissions.js'
import { Vectors } from './vectors.js'

export interface RingOptions {
  /** How many submissions can be prepared between two submits; 1 to 32768, rounded up to a power of two. */
  entries?: number | undefined
  /** How many completions the ring holds; at least `entries`. More than that are kept by the kernel, at a cost. */
  completions?: number | undefined
  /**
   * A thread of the kernel's takes submissions without a system call, and sleeps after `idleMs` without one. It keeps
   * a core busy meanwhile: the one that `cpu` names, or any.
   */
  submissionThread?: { idleMs: number; cpu?: number } | undefined
}

const { EAGAIN, EBUSY, EINTR, ETIME } = constants.errno
/** What io_uring_enter(2) says of a moment, not of a mistake. */
const passing = [-EAGAIN, -EBUSY, -EINTR, -ETIME]
const entriesMax = 32768
/** How often, a millisecond each time, the kernel's own thread is waited for where it has left no room. */
const roomTurnsMax = 1000
/** Never changes: what a thread waits for that wants to sleep. */
const sleeper = new Int32Array(new SharedArrayBuffer(4))
/** How long a thread waits at a time for what nobody counts and the kernel cannot stop, such as a disk that is read. */
const uncancelledMs = 250

export abstract class Ring {
  readonly submissions: Submissions
  readonly files: RegisteredFiles
  readonly buffers: RegisteredBuffers
  protected readonly native: Native
  protected readonly mapped: MappedRing
  protected readonly registered: RegisteredRing
  protected readonly completions: CompletionQueue
  readonly #memories = new Set<RingMemory>()
  readonly #provided: ProvidedBuffers[] = []
  readonly #submissionThread: boolean
  readonly #vectors: Vectors[] = []
  #supported: ReadonlySet<number> | null = null
  #reaping = false
  /** After close() there is no memory to look at, and nothing to submit or reap. */
  protected gone = false

  /**
   * `flags` are SETUP_…: what the way to run needs.
   *
   * @throws ERR_SLUICE_RING where the machine does not allow rings, saying why; ERR_SLUICE_ADDON; ERR_SLUICE_MEMORY;
   *   ERR_SLUICE_DESCRIPTORS; ERR_SLUICE_OPTION
   */
  constructor(flags: number, options: RingOptions) {
    if (loaded === null) throw new SluiceError('ERR_SLUICE_ADDON', `Opening a ring: ${addonMissing}`)
    const entries = checkInteger('entries', options.entries ?? 1024, { min: 1, max: entriesMax })
    const completions = checkInteger('completions', options.completions ?? 4 * entries, {
      min: entries,
      max: 2 * entriesMax,
    })
    this.native = loaded
    this.#submissionThread = options.submissionThread !== undefined
    this.mapped = openMappedRing(loaded, { entries, completions, ...threadShape(flags, options) })
    const scratch = new Uint8Array(new ArrayBuffer((this.mapped.sqMask + 1) * scratchWords * 4))
    this.submissions = new Submissions(this.mapped, new RingMemory(loaded, scratch, () => {}), count =>
      this.#makeRoom(count),
    )
    this.registered = new RegisteredRing(loaded, this.mapped.fd)
    this.completions = new CompletionQueue(this.mapped)
    this.files = new RegisteredFiles(loaded, this.mapped.fd)
    this.buffers = new RegisteredBuffers(loaded, this.mapped.fd)
  }

  /** For messages from other rings, and for nothing else. */
  get fd(): number {
    return this.mapped.fd
  }

  /** Submissions prepared or with the kernel whose last completion was not reaped, without those marked SKIP_SUCCESS. */
  get inFlight(): number {
    return (this.submissions.counted - this.completions.finished) | 0
  }

  /** Whether close() was called: what completes with -ECANCELED now is not to be prepared again. */
  get closing(): boolean {
    return this.submissions.closed
  }

  /** Completions that did not fit the ring and wait in the kernel until reap() makes room. */
  get overflowed(): boolean {
    return (this.submissions.kernelFlags & SQ_CQ_OVERFLOW) !== 0
  }

  /** Whether this kernel knows an operation: OP_…. */
  supports(operation: number): boolean {
    this.#supported ??= supportedOperations(this.native, this.mapped.fd)
    return this.#supported.has(operation)
  }

  /**
   * Lets submissions name a region's bytes. The region is pinned, so that Region.close() waits, until release() of what
   * is returned, or until the ring is closed. Do it once for a region, not once for a submission.
   *
   * @throws ERR_SLUICE_CLOSED; ERR_SLUICE_OPTION where the region has 4 GiB or more
   */
  use(region: Region): RingMemory {
    const letGo = (): void => {
      this.#memories.delete(memory)
      region.unpin()
    }
    const memory = new RingMemory(this.native, region.bytes, letGo, region.pages)
    region.pin()
    this.#memories.add(memory)
    return memory
  }

  /** Room for `count` pieces of memory that one submission names: 1 to 1024. The ring keeps it for as long as it lives. */
  vectors(count: number): Vectors {
    const vectors = new Vectors(this.native, checkInteger('count', count, { min: 1, max: 1024 }))
    this.#vectors.push(vectors)
    return vectors
  }

  /** Buffers that the kernel takes from when bytes arrive. They go with the ring. */
  provideBuffers(options: ProvidedBuffersOptions): ProvidedBuffers {
    const provided = new ProvidedBuffers(this.native, this, options)
    this.#provided.push(provided)
    return provided
  }

  /**
   * Gives the kernel everything that was prepared, and the buffers that were given back → whether it took all. Where
   * it did not, for want of memory or because completions must be reaped first, call it again later.
   *
   * @throws ERR_SLUICE_SYSCALL
   */
  submit(): boolean {
    if (this.gone) return true
    const count = this.publish()
    if (count === 0) return true
    if (this.#submissionThread) {
      if (this.submissions.needsWakeup) this.enter(0, 0, ENTER_SQ_WAKEUP)
      return true
    }
    return this.enter(count, 0, 0) === count
  }

  /**
   * Calls the handler for each completion that is there, at most as many as the ring holds → how many. All of them
   * were taken out of the ring before the first call, so the handler may prepare submissions. It must not call reap();
   * where it throws, the next reap() goes on with the rest.
   */
  reap(handler: CompletionHandler): number {
    if (this.#reaping) throw new Error('reap() was called by a handler')
    if (this.gone) return 0
    // Overflowed completions come back, and work that waits for a system call is done, in one.
    if ((this.submissions.kernelFlags & (SQ_CQ_OVERFLOW | SQ_TASKRUN)) !== 0)
      this.enter(0, 0, ENTER_GETEVENTS)
    const count = this.completions.take()
    if (count === 0) return 0
    this.#reaping = true
    try {
      this.completions.deliver(handler, this.self)
    } finally {
      this.#reaping = false
    }
    return count
  }

  /** Whoever hears of the ring's own submissions. */
  protected abstract readonly self: CompletionHandler

  /** Shows the kernel what was prepared → how many submissions it has to take. */
  protected publish(): number {
    for (let index = 0; index < this.#provided.length; index++) this.#provided[index]!.publish()
    return this.submissions.publish()
  }

  /** io_uring_enter(2) → submissions taken, or -errno of the passing kind. */
  protected enter(submit: number, complete: number, flags: number): number {
    const { enterFd, enterFlags } = this.registered
    return this.checkEntered(this.native.ioUringEnter(enterFd, submit, complete, flags | enterFlags))
  }

  protected checkEntered(entered: number): number {
    if (entered >= 0 || passing.includes(entered)) return entered
    throw systemError(entered, 'io_uring_enter', `Entering a ring of ${this.submissions.capacity} entries`)
  }

  /**
   * Cancels what is in flight, waiting at most so long for what runs. Once is not enough: what was drained or linked
   * starts when what it waited for has ended.
   */
  protected cancelEverything(ms: number): void {
    this.submit()
    this.native.ioUringCancelAll(this.mapped.fd, ms)
  }

  /** Ends what is in flight and was not counted, then lets go of everything. Nothing that was counted may be in flight. */
  protected destroy(): void {
    const { native, mapped } = this
    this.gone = true
    while (native.ioUringCancelAll(mapped.fd, uncancelledMs) === -ETIME);
    for (const provided of this.#provided) provided.close()
    this.buffers.close()
    this.files.close()
    this.registered.close()
    mapped.unmap()
    native.ioUringClose(mapped.owner)
    for (const memory of this.#memories) memory.release()
  }

  /** Submits, because there is no room for `count` more. */
  #makeRoom(count: number): void {
    if (!this.#submissionThread) {
      this.submit()
      return
    }
    this.publish()
    for (let turn = 0; turn < roomTurnsMax; turn++) {
      this.enter(0, 0, ENTER_SQ_WAKEUP | ENTER_SQ_WAIT)
      if (this.submissions.room >= count) return
      // The thread has taken some, but shows it only after all that it takes in one go.
      Atomics.wait(sleeper, 0, 0, 1)
    }
  }
}

function threadShape(flags: number, { submissionThread }: RingOptions) {
  if (submissionThread === undefined) return { flags }
  const idleMs = checkInteger('submissionThread.idleMs', submissionThread.idleMs, { min: 1, max: 60_000 })
  if (submissionThread.cpu === undefined) return { flags: flags | SETUP_SQPOLL, idleMs }
  const cpu = checkInteger('submissionThread.cpu', submissionThread.cpu, { min: 0, max: 4095 })
  return { flags: flags | SETUP_SQPOLL | SETUP_SQ_AFF, idleMs, cpu }
}
