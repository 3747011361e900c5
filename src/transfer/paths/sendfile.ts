/**
 * Hot: file to socket by sendfile(2). The kernel hands the file's pages to the socket by reference; no byte is
 * copied, and none passes through this process.
 *
 * A step sends at most `stepBytes`, after asking whether these bytes are in memory; where they are not, the flow
 * is parked while a thread brings them there. It settles only when no thread uses its descriptors any more.
 */
import { constants } from 'node:os'
import { errnoName, SluiceError, systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { PollEngine } from '../../engine/poll-engine.js'
import type { Native } from '../../native/calls.js'
import { type FileIdentity, isResident, noteResident, warm, wasResident } from '../residency.js'
import type { SocketHold } from '../socket-hold.js'

/** What one step sends at most: long enough to be efficient, short enough (about 0.2 ms) to be fair. Below 0x7ffff000, sendfile's own limit. */
const stepBytes = 1 * MiB

const { EAGAIN, EINTR, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno

/** What goes out before the file's first byte, in the same packet: the head of a response. */
export interface Prefix {
  /** Hands over the text (Latin-1), which whoever took it must send; null where there is nothing to send. */
  take(): string | null
}

/** How a sendfile transfer ended: `error` is null where it did well. */
export type SendfileDone = (error: unknown, sentBytes: number) => void

export interface SendfileRange {
  fd: number
  /** First byte. */
  start: number
  /** Number of bytes. */
  length: number
  /** The file that `fd` is open on, where it is known. */
  file?: FileIdentity | undefined
}

/** Sendfile cannot be used between these two (a file system or a sandbox refuses); nothing was sent yet. */
export class SendfileRefused extends Error {}

export class SendfileFlow implements Flow {
  readonly fd: number
  queued = false
  readonly #native: Native
  readonly #engine: PollEngine
  readonly #hold: SocketHold
  readonly #fileFd: number
  readonly #start: number
  readonly #end: number
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: SendfileDone
  #prefix: Prefix | null
  /** What of the prefix was taken and is not sent yet. */
  #prefixLeft = ''
  #offset: number
  /** A small file whose residency is to be remembered. */
  #toNote: FileIdentity | null = null
  /** The bytes up to here are known to be in memory. */
  #residentTo: number
  #warming = false
  #ended = false
  #error: unknown = null

  constructor(
    native: Native,
    engine: PollEngine,
    hold: SocketHold,
    range: SendfileRange,
    prefix: Prefix | null,
    onProgress: ((sentBytes: number) => void) | undefined,
    done: SendfileDone,
  ) {
    this.fd = hold.fd
    this.#native = native
    this.#engine = engine
    this.#hold = hold
    this.#fileFd = range.fd
    this.#start = range.start
    this.#offset = range.start
    this.#residentTo = range.start
    this.#end = range.start + range.length
    this.#prefix = prefix
    this.#onProgress = onProgress
    this.#done = done
    const { file } = range
    if (file === undefined || range.length > stepBytes) return
    if (wasResident(file, range.start, this.#end)) this.#residentTo = this.#end
    else this.#toNote = file
  }

  /** Sends what goes at once; where that is all, it is done when this returns. */
  begin(): void {
    this.#engine.resume(this)
    if (!this.#ended) this.#hold.onClose(() => this.interrupt(this.#hold.whyClosed()))
  }

  /** Ends the flow from outside; it settles at once, or when the thread that reads for it is done. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (this.#warming) return STEP_PARK
    const hold = this.#hold
    if (!hold.open || hold.ended) return this.#finish(hold.whyClosed())
    const offset = this.#offset
    const count = Math.min(this.#end - offset, stepBytes)
    if (count === 0) return this.#finish(null)
    if (offset + count > this.#residentTo && !this.#isResident(offset, count))
      return this.#warm(offset, count)
    if (this.#prefix !== null) this.#takePrefix()
    if (this.#prefixLeft !== '') return this.#sendPrefix()
    const sent = this.#native.sendfile(this.fd, this.#fileFd, offset, count)
    if (sent <= 0) return this.#notSent(sent)
    this.#offset = offset + sent
    hold.touch()
    if (this.#onProgress !== undefined) this.#report(this.#onProgress)
    return this.#offset === this.#end ? this.#finish(null) : STEP_MORE
  }

  #isResident(offset: number, count: number): boolean {
    if (!isResident(this.#native, this.#fileFd, offset, count)) return false
    if (this.#toNote !== null) noteResident(this.#toNote, offset, offset + count)
    this.#residentTo = offset + count
    return true
  }

  #takePrefix(): void {
    this.#prefixLeft = this.#prefix!.take() ?? ''
    this.#prefix = null
  }

  /** Sends the prefix so that it waits for the bytes that follow at once; MSG_MORE of send(2). */
  #sendPrefix(): Step {
    const { MSG_MORE, MSG_DONTWAIT } = this.#native
    const sent = this.#native.sendText(this.fd, this.#prefixLeft, MSG_MORE | MSG_DONTWAIT)
    if (sent < 0) return this.#waitOrFail(sent, 'send')
    this.#prefixLeft = this.#prefixLeft.slice(sent)
    return this.step()
  }

  #notSent(result: number): Step {
    if (result === 0) {
      const missing = this.#end - this.#offset
      return this.#finish(new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${missing} bytes early`))
    }
    if (this.#isRefusal(result)) return this.#finish(new SendfileRefused(errnoName(result)))
    return this.#waitOrFail(result, 'sendfile')
  }

  #isRefusal(result: number): boolean {
    if (this.#offset > this.#start) return false
    return result === -EINVAL || result === -ENOSYS || result === -EOPNOTSUPP || result === -EPERM
  }

  #waitOrFail(result: number, syscall: string): Step {
    if (result === -EAGAIN) return STEP_WAIT
    if (result === -EINTR) return STEP_MORE
    return this.#finish(systemError(result, syscall, 'Sending a file'))
  }

  /** Parks the flow while a thread brings the range into memory. */
  #warm(offset: number, count: number): Step {
    this.#warming = true
    warm(this.#native, this.#fileFd, offset, count).then(result => {
      this.#warming = false
      if (this.#ended) return this.#settle()
      if (this.#isRefusal(result)) return this.#finish(new SendfileRefused(errnoName(result)))
      if (result < 0 && result !== -EINTR) {
        return this.#finish(systemError(result, 'sendfile', 'Reading a file into memory'))
      }
      // A file that ends early is for sendfile to find.
      this.#residentTo = offset + count
      // Some file systems (overlayfs) cannot be asked: there the thread's word is the only one.
      if (this.#toNote !== null) noteResident(this.#toNote, offset, offset + count)
      this.#engine.resume(this)
    })
    return STEP_PARK
  }

  #report(onProgress: (sentBytes: number) => void): void {
    try {
      onProgress(this.#offset - this.#start)
    } catch (error) {
      this.#finish(error)
    }
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#error = error
    this.#engine.forget(this, this.#hold.open)
    if (!this.#warming) this.#settle()
    return STEP_DONE
  }

  #settle(): void {
    this.#done(this.#error, this.#offset - this.#start)
  }
}
