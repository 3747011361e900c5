/**
 * Hot: what all paths from a file to a held sink have in common. A step moves at most `stepBytes`, after asking
 * whether these bytes are in memory; where they are not, the flow is parked while a thread brings them there. It
 * settles only when no thread uses its descriptors any more.
 */
import { constants } from 'node:os'
import { errnoName, SluiceError, systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import { type FileRange, ResidentRange } from '../residency.js'
import { streamError } from '../stream-error.js'
import { isRefusal, PathRefused } from './path-refused.js'

/** What one step sends at most: long enough to be efficient, short enough (about 0.2 ms) to be fair. Below 0x7ffff000, sendfile's own limit. */
const stepBytes = 1 * MiB

const { EAGAIN, EINTR } = constants.errno

/** What goes out before the file's first byte, in the same packet: the head of a response. */
export interface Prefix {
  /** Hands over the text (Latin-1), which whoever took it must send; null where there is nothing to send. */
  take(): string | null
}

/** How it ended: `error` is null where it did well; `copiedBytes` passed through this process's memory. */
export type FileDone = (error: unknown, sentBytes: number, copiedBytes: number) => void

/** What a file's bytes are sent with. */
export interface FileSending {
  readonly native: Native
  readonly engine: Engine
  readonly hold: SocketHold
  readonly range: FileRange
  readonly prefix: Prefix | null
  readonly onProgress: ((sentBytes: number) => void) | undefined
}

export abstract class FileFlow implements Flow {
  readonly fd: number
  queued = false
  protected readonly native: Native
  protected readonly fileFd: number
  readonly #engine: Engine
  readonly #hold: SocketHold
  readonly #start: number
  readonly #end: number
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: FileDone
  #prefix: Prefix | null
  /** What of the prefix was taken and is not sent yet. */
  #prefixLeft = ''
  #offset: number
  readonly #resident: ResidentRange
  #fetching = false
  #ended = false
  #error: unknown = null

  constructor({ native, engine, hold, range, prefix, onProgress }: FileSending, done: FileDone) {
    this.fd = hold.fd
    this.native = native
    this.#engine = engine
    this.#hold = hold
    this.fileFd = range.fd
    this.#start = range.start
    this.#offset = range.start
    this.#end = range.start + range.length
    this.#prefix = prefix
    this.#onProgress = onProgress
    this.#done = done
    this.#resident = new ResidentRange(native, range, stepBytes)
  }

  /** The call that moves the bytes, for messages. */
  protected abstract get syscall(): string

  /** Hands bytes of the file to the sink, without waiting → how many it took, 0 where the file has ended, or -errno. */
  protected abstract move(offset: number, count: number): number

  /** Called once when nothing is moved any more. */
  protected stop(): void {}

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
    if (this.#fetching) return STEP_PARK
    const hold = this.#hold
    if (!hold.open || hold.ended) return this.#finish(hold.whyClosed())
    const offset = this.#offset
    const count = Math.min(this.#end - offset, stepBytes)
    if (count === 0) return this.#finish(null)
    if (!this.#resident.has(offset, count)) return this.#fetch(offset, count)
    if (this.#prefix !== null) this.#takePrefix()
    if (this.#prefixLeft !== '') return this.#sendPrefix()
    const sent = this.move(offset, count)
    if (sent <= 0) return this.#notSent(sent)
    this.#offset = offset + sent
    hold.touch()
    if (this.#onProgress !== undefined) this.#report(this.#onProgress)
    return this.#offset === this.#end ? this.#finish(null) : STEP_MORE
  }

  #takePrefix(): void {
    this.#prefixLeft = this.#prefix!.take() ?? ''
    this.#prefix = null
  }

  /** Sends the prefix so that it waits for the bytes that follow at once; MSG_MORE of send(2). */
  #sendPrefix(): Step {
    const { MSG_MORE, MSG_DONTWAIT } = this.native
    const sent = this.native.sendText(this.fd, this.#prefixLeft, MSG_MORE | MSG_DONTWAIT)
    if (sent < 0) return this.#waitOrFail(sent, 'send')
    this.#prefixLeft = this.#prefixLeft.slice(sent)
    return this.step()
  }

  #notSent(result: number): Step {
    if (result === 0) {
      const missing = this.#end - this.#offset
      return this.#finish(new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${missing} bytes early`))
    }
    if (this.#isRefusal(result)) return this.#refuse(result, this.syscall)
    return this.#waitOrFail(result, this.syscall)
  }

  #isRefusal(result: number): boolean {
    return this.#offset === this.#start && isRefusal(result)
  }

  #refuse(result: number, syscall: string): Step {
    return this.#finish(new PathRefused(`${syscall} is refused here (${errnoName(result)})`))
  }

  #waitOrFail(result: number, syscall: string): Step {
    if (result === -EAGAIN) return STEP_WAIT
    if (result === -EINTR) return STEP_MORE
    return this.#finish(streamError(result, syscall, 'Sending a file'))
  }

  /** Parks the flow while a thread brings the range into memory. */
  #fetch(offset: number, count: number): Step {
    this.#fetching = true
    this.#resident.fetch(offset, count).then(result => {
      this.#fetching = false
      if (this.#ended) return this.#settle()
      if (this.#isRefusal(result)) return this.#refuse(result, 'sendfile')
      if (result < 0 && result !== -EINTR) {
        return this.#finish(systemError(result, 'sendfile', 'Reading a file into memory'))
      }
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
    if (!this.#fetching) this.#settle()
    return STEP_DONE
  }

  #settle(): void {
    this.stop()
    this.#done(this.#error, this.#offset - this.#start, 0)
  }
}
