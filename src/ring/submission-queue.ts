/**
 * Hot: the submission side of a ring: reserve an entry, fill it, publish, submit.
 *
 *     head ─── taken by the kernel ─── tail ─── filled, not published ─── #tail
 *
 * The kernel moves `head` when it takes entries, this side moves `tail`, and only on publishing: however many entries
 * were filled, there is one release store. An entry's scratch (a timeout's time, a message's head) is read by the
 * kernel when it takes the entry (IORING_FEAT_SUBMIT_STABLE), and is reused with it.
 */
import { SluiceError } from '../base/errors.js'
import { loadAcquire, storeRelease } from '../native/atomics.js'
import { HARDLINK, LINK, SKIP_SUCCESS, SQ_NEED_WAKEUP } from './flags.js'
import { sqe } from './layout.js'
import type { MappedRing } from './mapped-ring.js'
import type { RingMemory } from './ring-memory.js'

/**
 * Where an entry's fields are. Constants of this module are compiled into the code; those of another one are
 * looked up for each field of each entry, which is a quarter of what filling costs.
 */
const {
  words: entryWords,
  fd: fdAt,
  offset: offsetAt,
  address: addressAt,
  length: lengthAt,
  operationFlags: operationFlagsAt,
  userData: userDataAt,
  buffer: bufferAt,
  file: fileAt,
  address3: address3At,
} = sqe

/** An entry's scratch, in 32-bit words: the largest is a msghdr. */
export const scratchWords = 16

/**
 * In the high half of the user data: the submission has no completion where it succeeds, so that nobody counts on one.
 * The program has the other 31 bits.
 */
export const uncounted = 1 << 31
export const highMask = 0x7fffffff

export class SubmissionQueue {
  readonly #words: Int32Array
  readonly #sqes: Int32Array
  readonly #mask: number
  readonly #headAt: number
  readonly #tailAt: number
  readonly #flagsAt: number
  /** What the kernel was last seen to have taken. */
  #head: number
  /** What is filled. */
  #tail: number
  /** How many submissions were filled, ever, of which no last completion is counted on. */
  #uncounted = 0
  #open = true
  readonly #makeRoom: (count: number) => void
  protected readonly scratch: Int32Array
  protected readonly scratchMemory: RingMemory

  /** `makeRoom` submits, so that so many more can be prepared. `scratch` has `scratchWords` for each entry. */
  constructor(ring: MappedRing, scratch: RingMemory, makeRoom: (count: number) => void) {
    this.#words = ring.sq
    this.#sqes = ring.sqes
    this.#mask = ring.sqMask
    this.#headAt = ring.sqHead
    this.#tailAt = ring.sqTail
    this.#flagsAt = ring.sqFlags
    this.#head = loadAcquire(this.#words, this.#headAt)
    this.#tail = this.#words[this.#tailAt]!
    this.#makeRoom = makeRoom
    this.scratch = new Int32Array(scratch.bytes.buffer)
    this.scratchMemory = scratch
  }

  /** How many submissions the ring holds that the kernel has not taken. */
  get capacity(): number {
    return this.#mask + 1
  }

  /** How many submissions were filled, ever, of which a last completion will come; wraps around at 32 bits. */
  get counted(): number {
    return (this.#tail - this.#uncounted) | 0
  }

  /** How many more can be prepared without submitting. */
  get room(): number {
    this.#head = loadAcquire(this.#words, this.#headAt)
    return (this.capacity - ((this.#tail - this.#head) | 0)) | 0
  }

  /** Filled, and not taken by the kernel yet. */
  get pending(): number {
    return (this.#tail - loadAcquire(this.#words, this.#headAt)) | 0
  }

  /** The kernel's flags: whether completions overflowed, whether it wants to be entered. */
  get kernelFlags(): number {
    return loadAcquire(this.#words, this.#flagsAt)
  }

  /** Whether the kernel's own thread (SQPOLL) sleeps. */
  get needsWakeup(): boolean {
    return (this.kernelFlags & SQ_NEED_WAKEUP) !== 0
  }

  /**
   * Makes sure that so many submissions can be prepared without one of them being submitted meanwhile: for chains,
   * which are only chains within one submit.
   *
   * @throws ERR_SLUICE_RING_FULL
   */
  ensure(count: number): void {
    if (count > this.capacity)
      throw new RangeError(`a chain of ${count} does not fit ${this.capacity} entries`)
    if (this.room < count) this.#submitFor(count)
  }

  /** Sets flags (FIXED_FILE, LINK, DRAIN, ASYNC, SKIP_SUCCESS…) of the submission that was prepared last. */
  mark(flags: number): void {
    const sqes = this.#sqes
    const at = this.#last()
    const set = ((sqes[at]! >>> 8) & 0xff) | flags
    // Where a link fails that skips its success, the rest of the chain would end without a completion.
    if ((set & SKIP_SUCCESS) !== 0 && (set & (LINK | HARDLINK)) !== 0)
      throw new Error('only the last of a chain can skip the completion of its success')
    if ((flags & SKIP_SUCCESS) !== 0 && (sqes[at + userDataAt + 1]! & uncounted) === 0) {
      sqes[at + userDataAt + 1]! |= uncounted
      this.#uncounted = (this.#uncounted + 1) | 0
    }
    sqes[at]! |= flags << 8
  }

  /** Shows the kernel what was filled → how many it has to take. */
  publish(): number {
    storeRelease(this.#words, this.#tailAt, this.#tail)
    return this.pending
  }

  get closed(): boolean {
    return !this.#open
  }

  /** Nothing more can be prepared; what is filled still goes to the kernel. */
  close(): void {
    this.#open = false
  }

  /**
   * Fills the next entry. `head` is opcode | ioprio << 16, `offset` and `address` are the fields of these names, and
   * `high` has at most 31 bits.
   */
  protected fill(
    head: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
    addressLow: number,
    addressHigh: number,
    length: number,
    operationFlags: number,
    buffer: number,
    file: number,
    low: number,
    high: number,
  ): void {
    const at = this.reserve()
    const sqes = this.#sqes
    sqes[at] = head
    sqes[at + fdAt] = fd
    sqes[at + offsetAt] = offsetLow
    sqes[at + offsetAt + 1] = offsetHigh
    sqes[at + addressAt] = addressLow
    sqes[at + addressAt + 1] = addressHigh
    sqes[at + lengthAt] = length
    sqes[at + operationFlagsAt] = operationFlags
    sqes[at + userDataAt] = low
    sqes[at + userDataAt + 1] = high & highMask
    sqes[at + bufferAt] = buffer
    sqes[at + fileAt] = file
    // Some operations refuse an entry in which a field is set that they do not use.
    sqes[at + address3At] = 0
    sqes[at + address3At + 1] = 0
    this.#tail = (this.#tail + 1) | 0
  }

  /** The submission that was filled last has this in its addr3 field. */
  protected setAddress3(low: number, high: number): void {
    const at = this.#last() + address3At
    this.#sqes[at] = low
    this.#sqes[at + 1] = high
  }

  /**
   * Prepares a submission of the ring's own, also after close(): the program neither counts it nor hears of it. Its
   * completion has the low half of its user data.
   */
  protected prepareOwn(prepare: () => void): void {
    const open = this.#open
    this.#open = true
    try {
      prepare()
    } finally {
      this.#open = open
    }
    this.#sqes[this.#last() + userDataAt + 1] = -1
    this.#uncounted = (this.#uncounted + 1) | 0
  }

  /** Where the scratch of the entry is that fill() will fill next, in words. */
  protected scratchAt(): number {
    this.reserve()
    return (this.#tail & this.#mask) * scratchWords
  }

  /** The word at which the next entry begins; makes room where there is none. */
  protected reserve(): number {
    if (((this.#tail - this.#head) | 0) > this.#mask || !this.#open) this.#refresh()
    return (this.#tail & this.#mask) * entryWords
  }

  /** The word at which the entry begins that was filled last. */
  #last(): number {
    return ((this.#tail - 1) & this.#mask) * entryWords
  }

  #refresh(): void {
    if (!this.#open) {
      throw new SluiceError('ERR_SLUICE_CLOSED', 'The ring was closed before a submission was prepared')
    }
    if (this.room === 0) this.#submitFor(1)
  }

  #submitFor(count: number): void {
    if (this.#chained()) throw new Error('a chain needs ensure() before its first submission')
    this.#makeRoom(count)
    if (this.room >= count) return
    throw new SluiceError(
      'ERR_SLUICE_RING_FULL',
      `The ring's ${this.capacity} entries are full and the kernel takes none of them now`,
    )
  }

  /** Whether the submission that was prepared last is linked to the one that comes next. */
  #chained(): boolean {
    return this.#tail !== this.#head && ((this.#sqes[this.#last()]! >>> 8) & (LINK | HARDLINK)) !== 0
  }
}
