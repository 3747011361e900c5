/** Hot: what several sinks are fed from: each of these fills the pipe that is duplicated for them. */
import { constants } from 'node:os'
import { SluiceError, systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import { STEP_MORE, STEP_PARK, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { HeldSource } from '../ends/source-hold.js'
import { goneError, intact, type MemoryPieces } from '../memory-pieces.js'
import type { Pipe } from '../pipe-pool.js'
import { isResident, warm } from '../residency.js'
import { streamError } from '../stream-error.js'

/** How much of a file is asked about, or brought into memory, at once. */
const windowBytes = 1 * MiB

const { EAGAIN, EINTR } = constants.errno

export interface TeeSource {
  /** What is waited for with STEP_WAIT_SOURCE; -1 where nothing is. */
  readonly fd: number
  /** Whether the descriptor is still the source's. */
  readonly open: boolean
  /** No more will come. */
  readonly ended: boolean
  /** What it failed with; null where it did not. It counts once the bytes that came before have gone. */
  readonly failure: unknown
  /** Bytes that were copied into the pipe. */
  readonly copiedBytes: number
  /** What to do where it has nothing now, and the pipe is empty. */
  readonly wait: Step
  /** Puts at most `room` bytes into the pipe, without waiting → how many, 0 where there are none now. */
  fill(pipe: Pipe, room: number): number
  whyClosed(): unknown
  /** What the source's peer has broken off with, though there may still be bytes that came before; null where it has not. */
  brokenOff(): unknown
  /** Calls back when the source is closed on this side. */
  onClose(callback: () => void): void
  /** Resolves when nothing of it is used any more. */
  settled(): Promise<unknown>
}

/** A socket or pipe. What Node had read of it comes first, copied. */
export class StreamTeeSource implements TeeSource {
  readonly fd: number
  readonly wait = STEP_WAIT_SOURCE
  ended = false
  failure: unknown = null
  readonly #native: Native
  readonly #source: HeldSource
  readonly #early: MemoryTeeSource
  /** The kernel says it once. */
  #reset: SluiceError | null = null

  constructor(native: Native, source: HeldSource) {
    this.fd = source.fd
    this.#native = native
    this.#source = source
    const views = source.early === null ? [] : [source.early]
    this.#early = new MemoryTeeSource(native, { views, bytes: source.early?.length ?? 0, region: null })
  }

  get open(): boolean {
    return this.#source.open
  }

  get copiedBytes(): number {
    return this.#early.copiedBytes
  }

  fill(pipe: Pipe, room: number): number {
    if (!this.#early.ended) {
      const early = this.#early.fill(pipe, room)
      this.failure = this.#early.failure
      return early
    }
    const { SPLICE_F_NONBLOCK } = this.#native
    let taken = -EINTR
    while (taken === -EINTR) {
      taken = this.#native.splice(this.fd, null, pipe.writeFd, null, room, SPLICE_F_NONBLOCK)
    }
    if (taken > 0) this.#source.touch()
    else if (taken === 0) this.#end()
    else if (taken !== -EAGAIN) this.failure = streamError(taken, 'splice', 'Receiving for several sinks')
    return Math.max(taken, 0)
  }

  whyClosed(): unknown {
    return this.#source.whyClosed()
  }

  brokenOff(): unknown {
    const { SOL_SOCKET, SO_ERROR } = this.#native
    const error = this.#reset === null ? this.#native.getsockoptInt(this.fd, SOL_SOCKET, SO_ERROR) : 0
    if (error > 0) this.#reset = streamError(-error, 'getsockopt(SO_ERROR)', 'Receiving for several sinks')
    return this.#reset
  }

  onClose(callback: () => void): void {
    this.#source.onClose(callback)
  }

  async settled(): Promise<void> {}

  #end(): void {
    this.failure = this.#reset ?? this.#source.endError
    this.ended = this.failure === null
  }
}

/** Bytes of a regular file, from the page cache; what is not there a thread brings there first. */
export class FileTeeSource implements TeeSource {
  readonly fd = -1
  readonly open = true
  readonly copiedBytes = 0
  failure: unknown = null
  readonly #native: Native
  readonly #fileFd: number
  readonly #end: number
  readonly #resume: () => void
  #offset: number
  /** The bytes up to here are known to be in memory. */
  #residentTo: number
  #warming: Promise<number> | null = null

  /** `resume` is called when there is something to fill with again. */
  constructor(native: Native, file: { fd: number; start: number; length: number }, resume: () => void) {
    this.#native = native
    this.#fileFd = file.fd
    this.#offset = file.start
    this.#residentTo = file.start
    this.#end = file.start + file.length
    this.#resume = resume
  }

  get ended(): boolean {
    return this.#offset === this.#end
  }

  get wait(): Step {
    return this.#warming === null ? STEP_MORE : STEP_PARK
  }

  fill(pipe: Pipe, room: number): number {
    if (this.#warming !== null) return 0
    const offset = this.#offset
    if (offset === this.#residentTo && !this.#look(Math.min(windowBytes, this.#end - offset))) return 0
    const count = Math.min(room, this.#residentTo - offset)
    const { SPLICE_F_NONBLOCK } = this.#native
    const taken = this.#native.splice(this.#fileFd, offset, pipe.writeFd, null, count, SPLICE_F_NONBLOCK)
    if (taken > 0) this.#offset += taken
    else if (taken === 0) this.failure = this.#shrank()
    else if (taken !== -EAGAIN && taken !== -EINTR)
      this.failure = streamError(taken, 'splice', 'Reading a file for several sinks')
    return Math.max(taken, 0)
  }

  whyClosed(): unknown {
    return null
  }

  brokenOff(): unknown {
    return null
  }

  onClose(): void {}

  async settled(): Promise<void> {
    await this.#warming
  }

  /** → whether the next bytes are in memory; where they are not, a thread begins to bring them there. */
  #look(count: number): boolean {
    const offset = this.#offset
    if (isResident(this.#native, this.#fileFd, offset, count)) {
      this.#residentTo = offset + count
      return true
    }
    this.#warming = warm(this.#native, this.#fileFd, offset, count)
    this.#warming.then(result => {
      this.#warming = null
      if (result < 0 && result !== -EINTR)
        this.failure = systemError(result, 'sendfile', 'Reading a file into memory')
      // Some file systems cannot be asked; a file that ends early is for splice to find.
      this.#residentTo = offset + count
      this.#resume()
    })
    return false
  }

  #shrank(): SluiceError {
    const missing = this.#end - this.#offset
    return new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${missing} bytes early`)
  }
}

/** Memory: copied into the pipe, once for all sinks. */
export class MemoryTeeSource implements TeeSource {
  readonly fd = -1
  readonly open = true
  readonly wait = STEP_MORE
  failure: unknown = null
  copiedBytes = 0
  readonly #native: Native
  readonly #pieces: MemoryPieces
  /** The next byte: of which piece, and where in it. */
  #index = 0
  #offset = 0

  constructor(native: Native, pieces: MemoryPieces) {
    this.#native = native
    this.#pieces = pieces
  }

  get ended(): boolean {
    return this.copiedBytes === this.#pieces.bytes
  }

  fill(pipe: Pipe, room: number): number {
    if (!intact(this.#pieces)) {
      this.failure = goneError()
      return 0
    }
    const view = this.#pieces.views[this.#index]!
    const bytes = view.subarray(this.#offset, this.#offset + room)
    const copied = bytes.length === 0 ? 0 : this.#native.writev(pipe.writeFd, [bytes])
    if (copied < 0) {
      if (copied !== -EAGAIN && copied !== -EINTR)
        this.failure = systemError(copied, 'writev', 'Copying for several sinks')
      return 0
    }
    this.copiedBytes += copied
    this.#offset += copied
    if (this.#offset === view.length) {
      this.#index++
      this.#offset = 0
    }
    return copied
  }

  whyClosed(): unknown {
    return null
  }

  brokenOff(): unknown {
    return null
  }

  onClose(): void {}

  async settled(): Promise<void> {}
}
