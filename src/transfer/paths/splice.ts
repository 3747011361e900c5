/**
 * Hot: from one socket to another by splice(2) through a pipe. What arrives is moved into the pipe and out of it by
 * reference; no byte passes through this process, except what Node had read before.
 *
 * EAGAIN means either end: of a splice into the pipe, that nothing has arrived or that the pipe is full. The pipe is
 * therefore emptied before it is filled again, and the flow waits for the source only with an empty pipe. How much it
 * holds cannot be told from its capacity: a slot may hold a single byte, or a piece of several pages.
 */
import { constants } from 'node:os'
import { errnoName } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import type { HeldSource } from '../ends/source-hold.js'
import type { Pipe, PipePool } from '../pipe-pool.js'
import { streamError } from '../stream-error.js'
import { Bulk } from './bulk.js'
import { isRefusal, PathRefused } from './path-refused.js'

/**
 * What one call takes, and one step moves, at most, some 0.4 ms: others wait so long for their turn. With 1 MiB, and what
 * the pipe's capacity says, a stream took a sixth more of CPU time (loopback, Linux 6.18, Node 20, 2026-11-21).
 */
const stepBytes = 2 * MiB

const { EAGAIN, EINTR } = constants.errno

/**
 * How a splice transfer ended: `error` is null where it did well, `sentBytes` went out, and `heldBytes` are still in
 * the pipe. With PathRefused these are the next, and all else is still at the source.
 */
export type SpliceDone = (error: unknown, sentBytes: number, heldBytes: number) => void

export interface SpliceEnds {
  readonly source: HeldSource
  readonly sink: SocketHold
}

export interface SpliceThrough extends SpliceEnds {
  readonly pipe: Pipe
  readonly pipes: PipePool
  /** Whether the source is a TCP socket. */
  readonly isTcp: boolean
}

export class SpliceFlow implements Flow {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #source: HeldSource
  readonly #sink: SocketHold
  readonly #pipe: Pipe
  readonly #bulk: Bulk
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: SpliceDone
  /** What Node had read, until it is sent. */
  #early: Buffer | null
  /** Bytes taken from the source, and handed to the sink: the difference is in the pipe. */
  #taken = 0
  #sent = 0
  /** It had ended before; else its end is noticed when the pipe is empty. */
  readonly #sourceEnded: boolean
  /** Whether the kernel has spliced from the source, and to the sink: from then on it does not refuse. */
  #sourceSpliced = false
  #sinkSpliced = false
  #ended = false

  constructor(
    native: Native,
    engine: Engine,
    { source, sink, pipe, pipes, isTcp }: SpliceThrough,
    onProgress: ((sentBytes: number) => void) | undefined,
    done: SpliceDone,
  ) {
    this.fd = sink.fd
    this.sourceFd = source.fd
    this.#native = native
    this.#engine = engine
    this.#source = source
    this.#sink = sink
    this.#pipe = pipe
    this.#early = source.early
    this.#sourceEnded = source.ended
    this.#bulk = new Bulk(
      native,
      { fd: source.fd, isTcp },
      () => pipes.enlarge(pipe),
      () => engine.resume(this),
    )
    this.#onProgress = onProgress
    this.#done = done
  }

  /** Moves what is there at once. */
  begin(): void {
    this.#engine.resume(this)
    if (this.#ended) return
    this.#sink.onClose(() => this.interrupt(this.#sink.whyClosed()))
    this.#source.onClose(() => {
      if (!this.#sourceEnded) this.interrupt(this.#source.whyClosed())
    })
  }

  /** Ends the flow from outside. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (!this.#sourceEnded && !this.#source.open) return this.#finish(this.#source.whyClosed())
    if (!this.#sink.open || this.#sink.ended) return this.#finish(this.#sink.whyClosed())
    this.#bulk.go()
    if (this.#early !== null) return this.#sendEarly(this.#early)
    const stopAt = this.#sent + stepBytes
    while (this.#sent < stopAt) {
      if (this.#taken === this.#sent) {
        const taken = this.#fill()
        if (taken === 0) return this.#finish(null)
        if (taken === -EAGAIN) {
          this.#bulk.wait(this.#taken)
          return STEP_WAIT_SOURCE
        }
        if (taken < 0) return this.#failAtSource(taken)
      }
      const drained = this.#drain()
      if (drained > 0) this.#report()
      else if (drained === -EAGAIN) return STEP_WAIT
      else if (drained !== -EINTR) return this.#failAtSink(drained)
      if (this.#ended) return STEP_DONE
    }
    return STEP_MORE
  }

  #sendEarly(early: Buffer): Step {
    const written = this.#native.writev(this.fd, [early.subarray(this.#sent)])
    if (written === -EAGAIN) return STEP_WAIT
    if (written === -EINTR) return STEP_MORE
    if (written < 0) return this.#finish(streamError(written, 'writev', 'Sending what had been read'))
    this.#sent += written
    this.#taken += written
    if (this.#sent === early.length) this.#early = null
    this.#report()
    return this.#ended ? STEP_DONE : STEP_MORE
  }

  /** Takes from the source what the pipe holds, which is empty → bytes, 0 at the end, or what it failed with. */
  #fill(): number {
    if (this.#sourceEnded) return 0
    const { SPLICE_F_NONBLOCK } = this.#native
    const { writeFd } = this.#pipe
    let taken = -EINTR
    while (taken === -EINTR) {
      taken = this.#native.splice(this.sourceFd, null, writeFd, null, stepBytes, SPLICE_F_NONBLOCK)
    }
    if (taken > 0) {
      this.#taken += taken
      this.#sourceSpliced = true
      this.#source.touch()
    }
    return taken
  }

  #drain(): number {
    const held = this.#taken - this.#sent
    const { SPLICE_F_NONBLOCK } = this.#native
    const sent = this.#native.splice(this.#pipe.readFd, null, this.fd, null, held, SPLICE_F_NONBLOCK)
    if (sent > 0) {
      this.#sent += sent
      this.#sinkSpliced = true
    }
    return sent
  }

  #report(): void {
    this.#sink.touch()
    if (this.#onProgress === undefined) return
    try {
      this.#onProgress(this.#sent)
    } catch (error) {
      this.#finish(error)
    }
  }

  #failAtSource(errno: number): Step {
    if (!this.#sourceSpliced && isRefusal(errno)) return this.#finish(new PathRefused(errnoName(errno)))
    return this.#finish(streamError(errno, 'splice', 'Receiving from a stream'))
  }

  #failAtSink(errno: number): Step {
    if (!this.#sinkSpliced && isRefusal(errno)) return this.#finish(new PathRefused(errnoName(errno)))
    return this.#finish(streamError(errno, 'splice', 'Sending to a stream'))
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#bulk.end(this.#source.open)
    this.#engine.forget(this, this.#sink.open, this.#source.open)
    this.#done(error, this.#sent, this.#taken - this.#sent)
    return STEP_DONE
  }
}
