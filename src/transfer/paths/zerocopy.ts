/**
 * Memory to a TCP socket by send(2) with MSG_ZEROCOPY: the network card reads the bytes from where they are. They must
 * stay unchanged until the kernel says that it has let go of them (zerocopy-notices.ts).
 *
 * What goes to a peer on the same machine is copied by the kernel all the same, and the notices say so: from then on
 * the rest is sent without the flag, which is cheaper.
 */
import { constants } from 'node:os'
import { errnoName, systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import { goneError, type MemoryPieces } from '../memory-pieces.js'
import { PieceCursor } from '../piece-cursor.js'
import { noticesOf, type SocketLoan, type ZerocopyNotices } from '../zerocopy-notices.js'
import { isRefusal, PathRefused } from './path-refused.js'
import type { ReferenceEnds } from './reference-ends.js'

/** What one step sends at most: about 0.2 ms. */
const stepBytes = 1 * MiB

const { EAGAIN, EINTR, ENOBUFS } = constants.errno

export class ZerocopyFlow implements Flow {
  readonly fd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #hold: SocketHold
  readonly #cursor: PieceCursor
  readonly #loan: SocketLoan
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #ends: ReferenceEnds
  #notices: ZerocopyNotices | null = null
  /** Bytes that were sent without the flag. */
  #plainBytes = 0
  #ended = false

  constructor(
    native: Native,
    engine: Engine,
    hold: SocketHold,
    pieces: MemoryPieces,
    onProgress: ((sentBytes: number) => void) | undefined,
    ends: ReferenceEnds,
  ) {
    this.fd = hold.fd
    this.#native = native
    this.#engine = engine
    this.#hold = hold
    this.#cursor = new PieceCursor(pieces)
    this.#loan = { hold, outstanding: 0, copiedBytes: 0, onRelease: null }
    this.#onProgress = onProgress
    this.#ends = ends
  }

  /** Sends what goes at once; where that is all, it is sent when this returns, and perhaps released. */
  begin(): void {
    const refusal = this.#open()
    if (refusal !== '') return void this.#finish(new PathRefused(refusal))
    this.#engine.resume(this)
    if (!this.#ended) this.#hold.onClose(() => this.interrupt(this.#hold.whyClosed()))
  }

  /** Ends the sending from outside, at once; the memory is released when the kernel has let go of it. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    const hold = this.#hold
    if (!hold.open || hold.ended) return this.#finish(hold.whyClosed())
    if (this.#cursor.left === 0) return this.#finish(null)
    const bytes = this.#cursor.next(stepBytes)
    if (bytes === null) return this.#finish(goneError())
    const sent = this.#send(bytes)
    if (sent < 0) return this.#notSent(sent)
    this.#cursor.advance(sent)
    hold.touch()
    if (this.#onProgress !== undefined) this.#report(this.#onProgress)
    return this.#cursor.left === 0 ? this.#finish(null) : STEP_MORE
  }

  #open(): string {
    if (!this.#hold.open) return ''
    const notices = noticesOf(this.#native, this.#engine, this.fd)
    if (typeof notices === 'string') return notices
    const refusal = notices.open(this.#loan)
    if (refusal === '') this.#notices = notices
    return refusal
  }

  #send(bytes: Uint8Array): number {
    const loan = this.#loan
    const notices = this.#notices!
    if (loan.outstanding > 0) notices.drain()
    if (loan.copiedBytes > 0) return this.#sendPlainly(bytes)
    let sent = this.#sendByReference(bytes)
    // The memory for notices (net.core.optmem_max) or locked pages is used up; reading notices gives some back.
    if (sent === -ENOBUFS) {
      notices.drain()
      sent = this.#sendByReference(bytes)
    }
    return sent === -ENOBUFS ? this.#sendPlainly(bytes) : sent
  }

  #sendByReference(bytes: Uint8Array): number {
    const { MSG_ZEROCOPY, MSG_DONTWAIT } = this.#native
    const sent = this.#native.send(this.fd, bytes, MSG_ZEROCOPY | MSG_DONTWAIT)
    if (sent > 0) this.#notices!.add(this.#loan, sent)
    return sent
  }

  #sendPlainly(bytes: Uint8Array): number {
    const sent = this.#native.send(this.fd, bytes, this.#native.MSG_DONTWAIT)
    if (sent > 0) this.#plainBytes += sent
    return sent
  }

  #notSent(result: number): Step {
    if (result === -EAGAIN) return STEP_WAIT
    if (result === -EINTR) return STEP_MORE
    if (this.#cursor.done === 0 && isRefusal(result)) {
      return this.#finish(new PathRefused(`MSG_ZEROCOPY is refused here (${errnoName(result)})`))
    }
    return this.#finish(systemError(result, 'send', 'Sending memory'))
  }

  #report(onProgress: (sentBytes: number) => void): void {
    try {
      onProgress(this.#cursor.done)
    } catch (error) {
      this.#finish(error)
    }
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#engine.forget(this, this.#hold.open)
    this.#ends.sent(error, this.#cursor.done)
    if (this.#notices === null) this.#ends.released(0)
    else this.#notices.seal(this.#loan, () => this.#release())
    return STEP_DONE
  }

  #release(): void {
    this.#ends.released(this.#loan.copiedBytes + this.#plainBytes)
  }
}
