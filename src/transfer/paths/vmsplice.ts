/**
 * Memory to a socket through a pipe, or to a pipe itself, by vmsplice(2) and splice(2): the pages go by reference.
 *
 * A pipe holds as many pages as its capacity has (64 for 256 KiB), each of which may be filled in part: bytes that
 * begin within a page take one page more than their number says, nothing else. Not even the peer's acknowledgement
 * tells when a page is free: on one machine its unread queue holds the very page. So pages that are to be used again
 * are replaced once the kernel has all (lent-pages.ts).
 *
 * SPLICE_F_GIFT is not used: it offers the page itself, to become a page of a file's cache, and changes nothing for a
 * socket; but it promises that the page is never written again.
 */
import { constants } from 'node:os'
import { errnoName } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import { goneError, type MemoryPieces } from '../memory-pieces.js'
import { PieceCursor } from '../piece-cursor.js'
import type { Pipe, PipePool } from '../pipe-pool.js'
import { streamError } from '../stream-error.js'
import { lendPages, takePagesBack } from './lending.js'
import { isRefusal, PathRefused } from './path-refused.js'
import type { ReferenceEnds } from './reference-ends.js'

/** What one step sends at most: about 0.2 ms. */
const stepBytes = 1 * MiB

const { EAGAIN, EBADF, EINTR } = constants.errno
/** fcntl(2): the bits of a descriptor's flags that say what it is open for. */
const O_ACCMODE = 3

export class VmspliceFlow implements Flow {
  readonly fd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #hold: SocketHold
  readonly #pieces: MemoryPieces
  readonly #cursor: PieceCursor
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #ends: ReferenceEnds
  readonly #pipes: PipePool | null
  /** What the bytes go through; null where the sink is a pipe. */
  #pipe: Pipe | null = null
  #sent = 0
  #ended = false

  /** `pipes`: null where the sink is a pipe itself. */
  constructor(
    native: Native,
    engine: Engine,
    hold: SocketHold,
    pieces: MemoryPieces,
    onProgress: ((sentBytes: number) => void) | undefined,
    ends: ReferenceEnds,
    pipes: PipePool | null,
  ) {
    this.fd = hold.fd
    this.#native = native
    this.#engine = engine
    this.#hold = hold
    this.#pieces = pieces
    this.#cursor = new PieceCursor(pieces)
    this.#onProgress = onProgress
    this.#ends = ends
    this.#pipes = pipes
  }

  /** Sends what goes at once; where that is all, it is sent when this returns, and perhaps released. */
  begin(): void {
    const refusal = lendPages(this.#pieces)
    if (refusal !== '') return void this.#finish(new PathRefused(`vmsplice is refused here (${refusal})`))
    // At the end that is for reading it works the other way round: it would write over the memory.
    if (this.#pipes === null && this.#isForReading()) {
      return void this.#finish(streamError(-EBADF, 'vmsplice', 'Sending memory'))
    }
    try {
      if (this.#pipes !== null) this.#pipe = this.#pipes.take()
    } catch (error) {
      return void this.#finish(error)
    }
    this.#engine.resume(this)
    if (!this.#ended) this.#hold.onClose(() => this.interrupt(this.#hold.whyClosed()))
  }

  /** Ends the flow from outside. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    const hold = this.#hold
    const cursor = this.#cursor
    const stopAt = this.#sent + stepBytes
    while (!this.#ended && this.#sent < stopAt) {
      if (!hold.open || hold.ended) return this.#finish(hold.whyClosed())
      // The pipe is emptied before it is filled again: EAGAIN of a splice from it then means the sink.
      if (cursor.done === this.#sent) {
        if (cursor.left === 0) return this.#finish(null)
        const bytes = cursor.next(stepBytes)
        if (bytes === null) return this.#finish(goneError())
        const taken = this.#take(bytes)
        if (taken < 0) return this.#failed(taken, 'vmsplice')
        cursor.advance(taken)
      }
      const sent = this.#pass()
      if (sent < 0) return this.#failed(sent, 'splice')
      this.#sent += sent
      hold.touch()
      if (this.#onProgress !== undefined) this.#report(this.#onProgress)
    }
    if (this.#ended) return STEP_DONE
    return cursor.left === 0 && cursor.done === this.#sent ? this.#finish(null) : STEP_MORE
  }

  #isForReading(): boolean {
    const { fcntl, F_GETFL, O_RDONLY } = this.#native
    return (fcntl(this.fd, F_GETFL, 0) & O_ACCMODE) === O_RDONLY
  }

  /** Into the pipe → how many bytes it refers to now. */
  #take(bytes: Uint8Array): number {
    const { SPLICE_F_NONBLOCK } = this.#native
    return this.#native.vmsplice(this.#pipe?.writeFd ?? this.fd, bytes, SPLICE_F_NONBLOCK)
  }

  /** From the pipe to the sink, unless the pipe is the sink → how many bytes went. */
  #pass(): number {
    const held = this.#cursor.done - this.#sent
    if (this.#pipe === null) return held
    const { SPLICE_F_NONBLOCK } = this.#native
    return this.#native.splice(this.#pipe.readFd, null, this.fd, null, held, SPLICE_F_NONBLOCK)
  }

  #failed(result: number, syscall: string): Step {
    if (result === -EAGAIN) return STEP_WAIT
    if (result === -EINTR) return STEP_MORE
    if (this.#sent === 0 && isRefusal(result)) {
      return this.#finish(new PathRefused(`${syscall} is refused here (${errnoName(result)})`))
    }
    return this.#finish(streamError(result, syscall, 'Sending memory'))
  }

  #report(onProgress: (sentBytes: number) => void): void {
    try {
      onProgress(this.#sent)
    } catch (error) {
      this.#finish(error)
    }
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#engine.forget(this, this.#hold.open)
    // A pipe that is not empty is closed, and nobody refers to what was in it: that may go by another path.
    if (this.#pipe !== null) this.#pipes!.give(this.#pipe, this.#cursor.done === this.#sent)
    this.#ends.sent(error, this.#sent)
    takePagesBack(this.#pieces, this.#sent > 0, this.#ends)
    return STEP_DONE
  }
}
