/**
 * Hot: everything that arrives on a stream to another by splice(2), until the source ends. No byte passes through this
 * process, except what Node had read before.
 */
import { constants } from 'node:os'
import type { Engine } from '../../engine/engine.js'
import { STEP_DONE, STEP_MORE, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import type { HeldSource } from '../ends/source-hold.js'
import type { PipePool } from '../pipe-pool.js'
import { streamError } from '../stream-error.js'
import { PathRefused } from './path-refused.js'
import { DirectSplicer } from './splice-direct.js'
import { PipedSplicer } from './splice-piped.js'
import type { Leftover, SplicedFlow, Splicer } from './splicer.js'

const { EAGAIN, EINTR } = constants.errno

/**
 * How a splice transfer ended: `error` is null where it did well, and `sentBytes` went out. With PathRefused what is left
 * comes next, from a pipe that is the caller's to give back, and all else is still at the source.
 */
export type SpliceDone = (error: unknown, sentBytes: number, left: Leftover | null) => void

export interface SpliceEnds {
  readonly source: HeldSource
  readonly sink: SocketHold
  /** Whether the source is a TCP socket. */
  readonly isTcp: boolean
  /** Null where one of the ends is a pipe, and none is needed between. */
  readonly pipes: PipePool | null
}

export class SpliceFlow implements SplicedFlow {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #source: HeldSource
  readonly #sink: SocketHold
  readonly #splicer: Splicer
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: SpliceDone
  /** What Node had read, until it is sent. */
  #early: Buffer | null
  #sent = 0
  #ended = false

  constructor(
    native: Native,
    engine: Engine,
    { source, sink, isTcp, pipes }: SpliceEnds,
    onProgress: ((sentBytes: number) => void) | undefined,
    done: SpliceDone,
  ) {
    this.fd = sink.fd
    this.sourceFd = source.fd
    this.#native = native
    this.#engine = engine
    this.#source = source
    this.#sink = sink
    this.#early = source.early
    this.#splicer =
      pipes === null
        ? new DirectSplicer(native, engine, this)
        : new PipedSplicer({ native, engine, pipes }, this, isTcp)
    this.#onProgress = onProgress
    this.#done = done
  }

  /** Moves what is there at once. */
  begin(): void {
    this.#engine.resume(this)
    if (this.#ended) return
    this.#sink.onClose(() => this.interrupt(this.#sink.whyClosed()))
    this.#source.onClose(() => {
      if (!this.#source.ended) this.interrupt(this.#source.whyClosed())
    })
  }

  /** Ends the flow from outside. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (!this.#source.ended && !this.#source.open) return this.#finish(this.#source.whyClosed())
    if (!this.#sink.open || this.#sink.ended) return this.#finish(this.#sink.whyClosed())
    if (this.#early !== null) return this.#sendEarly(this.#early)
    if (this.#source.ended) return this.#finish(this.#source.endError)
    const splicer = this.#splicer
    const stopAt = this.#sent + splicer.stepBytes
    while (this.#sent < stopAt) {
      const moved = splicer.move()
      if (moved > 0) {
        this.#source.touch()
        this.#report(moved)
        if (this.#ended) return STEP_DONE
      } else if (moved === 0) return this.#finish(null)
      else if (moved === -EAGAIN) return splicer.wait(this.#sent)
      else if (moved !== -EINTR) return this.#finish(splicer.failure(moved))
    }
    return STEP_MORE
  }

  #sendEarly(early: Buffer): Step {
    const written = this.#native.writev(this.fd, [early.subarray(this.#sent)])
    if (written === -EAGAIN) return STEP_WAIT
    if (written === -EINTR) return STEP_MORE
    if (written < 0) return this.#finish(streamError(written, 'writev', 'Sending what had been read'))
    if (this.#sent + written === early.length) this.#early = null
    this.#report(written)
    return this.#ended ? STEP_DONE : STEP_MORE
  }

  #report(bytes: number): void {
    this.#sent += bytes
    this.#sink.touch()
    if (this.#onProgress === undefined) return
    try {
      this.#onProgress(this.#sent)
    } catch (error) {
      this.#finish(error)
    }
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    const { open } = this.#source
    this.#engine.forget(this, this.#sink.open, open)
    const left = error instanceof PathRefused ? this.#splicer.leave() : null
    this.#splicer.end(open)
    this.#done(error, this.#sent, left)
    return STEP_DONE
  }
}
