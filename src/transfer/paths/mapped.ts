/**
 * File to a TCP socket from memory that it is mapped to (mmap(2)), with MSG_ZEROCOPY: the network card reads the
 * file's pages. What sendfile does in one call; of use where that is refused, and to compare.
 *
 * The file is mapped window by window. JavaScript never touches the mapping, so that a file which is truncated meanwhile
 * raises no signal: the kernel answers EFAULT, and that is an error of the transfer.
 */
import { constants } from 'node:os'
import { errnoName, SluiceError, systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import { ResidentRange } from '../residency.js'
import type { FileDone, FileSending } from './file-flow.js'
import { isRefusal, PathRefused } from './path-refused.js'
import { ZerocopyFlow } from './zerocopy.js'

/** A window is brought into memory as a whole before it is sent. */
const windowBytes = 4 * MiB
/** How many are mapped at once: sent, and not let go of by the kernel. A fast and distant peer has 16 MiB under way. */
const windowsMax = 4

const { EFAULT, EINTR, ENODEV } = constants.errno

export class MappedFlow {
  readonly #sending: FileSending
  readonly #done: FileDone
  readonly #resident: ResidentRange
  readonly #end: number
  readonly #stat = new Float64Array(8)
  #offset: number
  /** Sends the present window; null while there is none. */
  #flow: ZerocopyFlow | null = null
  #mapped = 0
  #copied = 0
  #fetching = false
  #ended = false
  #settled = false
  #error: unknown = null

  constructor(sending: FileSending, done: FileDone) {
    const { native, range } = sending
    this.#sending = sending
    this.#done = done
    this.#resident = new ResidentRange(native, range, windowBytes)
    this.#offset = range.start
    this.#end = range.start + range.length
  }

  begin(): void {
    this.#next()
  }

  /** Ends the sending from outside, at once, or when the thread that reads for it is done. */
  interrupt(error: unknown): void {
    if (this.#flow !== null) this.#flow.interrupt(error)
    else if (!this.#ended) this.#finish(error)
    else this.#settle()
  }

  #next(): void {
    if (this.#ended) return
    const { native, hold } = this.#sending
    const offset = this.#offset
    const count = Math.min(this.#end - offset, windowBytes)
    if (count === 0) return this.#finish(null)
    hold.onClose(() => this.interrupt(hold.whyClosed()))
    if (this.#mapped === windowsMax) return
    if (!this.#resident.has(offset, count)) return this.#fetch(offset, count)
    if (!this.#reaches(offset + count)) return this.#finish(this.#shrank())
    const lead = offset % native.PAGE_BYTES
    const buffer = native.mapPrivate(this.#sending.range.fd, offset - lead, lead + count)
    if (typeof buffer === 'number') return this.#notMapped(buffer)
    this.#mapped++
    this.#send(buffer, new Uint8Array(buffer, lead, count))
  }

  #send(buffer: ArrayBuffer, window: Uint8Array): void {
    const { native, engine, hold, range, onProgress } = this.#sending
    const before = this.#offset - range.start
    const pieces = { views: [window], bytes: window.length, region: null }
    const report = onProgress && ((sentBytes: number) => onProgress(before + sentBytes))
    this.#flow = new ZerocopyFlow(native, engine, hold, pieces, report, {
      sent: (error, sentBytes) => this.#onSent(error, sentBytes),
      released: copiedBytes => {
        native.unmap(buffer)
        this.#onReleased(copiedBytes)
      },
    })
    this.#flow.begin()
  }

  #onSent(error: unknown, sentBytes: number): void {
    this.#flow = null
    this.#offset += sentBytes
    if (error !== null) return this.#finish(this.#ownError(error))
    // What is missing of the last page reads as zeros, which no call notices.
    if (!this.#reaches(this.#offset)) return this.#finish(this.#shrank())
    this.#next()
  }

  #onReleased(copiedBytes: number): void {
    const waited = this.#mapped === windowsMax && this.#flow === null
    this.#mapped--
    this.#copied += copiedBytes
    if (waited) this.#next()
    else if (this.#ended && this.#mapped === 0) this.#settle()
  }

  #fetch(offset: number, count: number): void {
    this.#fetching = true
    this.#resident.fetch(offset, count).then(result => {
      this.#fetching = false
      if (this.#ended) return this.#settle()
      if (result >= 0 || result === -EINTR) return this.#next()
      if (this.#offset === this.#sending.range.start && isRefusal(result)) {
        return this.#finish(new PathRefused(`sendfile is refused here (${errnoName(result)})`))
      }
      this.#finish(systemError(result, 'sendfile', 'Reading a file into memory'))
    })
  }

  #notMapped(errno: number): void {
    const refused = this.#offset === this.#sending.range.start && (isRefusal(errno) || errno === -ENODEV)
    if (refused) this.#finish(new PathRefused(`mmap is refused here (${errnoName(errno)})`))
    else this.#finish(systemError(errno, 'mmap', 'Mapping a file to send it'))
  }

  #ownError(error: unknown): unknown {
    if (error instanceof SluiceError && error.errno === -EFAULT) return this.#shrank(error)
    // A refusal that comes too late to go another way, such as that of a descriptor for the notices.
    const isLate = error instanceof PathRefused && this.#offset > this.#sending.range.start
    return isLate ? new SluiceError('ERR_SLUICE_SYSCALL', `Sending a file: ${error.message}`) : error
  }

  #reaches(end: number): boolean {
    return this.#sending.native.fstat(this.#sending.range.fd, this.#stat) === 0 && this.#stat[1]! >= end
  }

  #shrank(cause?: unknown): SluiceError {
    const missing = this.#end - this.#offset
    return new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${missing} bytes early`, { cause })
  }

  /**
   * Where all was sent, it is waited for what the notices say was copied. Nothing else has to be: what the kernel
   * still refers to are pages of the file, which it keeps.
   */
  #finish(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    const { hold } = this.#sending
    if (error !== null || this.#mapped === 0 || !hold.open) this.#settle()
    else hold.onClose(() => this.#settle())
  }

  #settle(): void {
    if (this.#settled || this.#fetching) return
    this.#settled = true
    this.#done(this.#error, this.#offset - this.#sending.range.start, this.#copied)
  }
}
