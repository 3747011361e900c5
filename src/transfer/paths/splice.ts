/**
 * Hot: socket to socket by splice(2) through a pipe. What arrives is moved into the pipe and out of it by reference;
 * no byte passes through this process.
 *
 * EAGAIN means either end: of a splice into the pipe, that nothing has arrived or that the pipe is full. The pipe is
 * therefore emptied before it is filled again, and the flow waits for the source only with an empty pipe. A page in
 * the pipe may hold a single byte, so that a pipe is full long before it holds its capacity in bytes.
 */
import { constants } from 'node:os'
import { systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { PollEngine } from '../../engine/poll-engine.js'
import type { Native } from '../../native/calls.js'
import type { Pipe } from '../pipe-pool.js'
import type { SocketHold } from '../socket-hold.js'
import type { SourceHold } from '../source-hold.js'

/** What one step moves at most; see the same in sendfile.ts. */
const stepBytes = 1 * MiB

const { EAGAIN, EINTR } = constants.errno

/** How a splice transfer ended: `error` is null where it did well, `empty` says whether the pipe is. */
export type SpliceDone = (error: unknown, sentBytes: number, empty: boolean) => void

export interface SpliceEnds {
  readonly source: SourceHold
  readonly sink: SocketHold
  readonly pipe: Pipe
}

export class SpliceFlow implements Flow {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: PollEngine
  readonly #source: SourceHold
  readonly #sink: SocketHold
  readonly #pipe: Pipe
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: SpliceDone
  /** Bytes taken from the source, and handed to the sink: the difference is in the pipe. */
  #taken = 0
  #sent = 0
  #sourceEnded = false
  /** What receiving failed with, or 0. The kernel says it once and then looks like an end, so it is kept until the pipe is empty. */
  #sourceErrno = 0
  #ended = false

  constructor(
    native: Native,
    engine: PollEngine,
    { source, sink, pipe }: SpliceEnds,
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
    this.#onProgress = onProgress
    this.#done = done
  }

  /** Moves what is there at once. */
  begin(): void {
    this.#engine.resume(this)
    if (this.#ended) return
    this.#sink.onClose(() => this.interrupt(this.#sink.whyClosed()))
    this.#source.onClose(() => this.interrupt(this.#source.whyClosed()))
  }

  /** Ends the flow from outside. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (!this.#source.open) return this.#finish(this.#source.whyClosed())
    if (!this.#sink.open || this.#sink.ended) return this.#finish(this.#sink.whyClosed())
    const stopAt = this.#sent + stepBytes
    while (this.#sent < stopAt) {
      this.#fill()
      if (this.#taken === this.#sent) {
        if (this.#sourceErrno !== 0) return this.#fail(this.#sourceErrno, 'Receiving from a socket')
        return this.#sourceEnded ? this.#finish(null) : STEP_WAIT_SOURCE
      }
      const drained = this.#drain()
      if (drained > 0) this.#report()
      else if (drained === -EAGAIN) return STEP_WAIT
      else if (drained !== -EINTR) return this.#fail(drained, 'Sending to a socket')
      if (this.#ended) return STEP_DONE
    }
    return STEP_MORE
  }

  /** Takes from the source what the pipe has room for; its end and its failing count once the pipe is empty. */
  #fill(): void {
    const room = this.#pipe.capacity - (this.#taken - this.#sent)
    if (room === 0 || this.#sourceEnded || this.#sourceErrno !== 0) return
    const { SPLICE_F_NONBLOCK } = this.#native
    let taken = -EINTR
    while (taken === -EINTR) {
      taken = this.#native.splice(this.sourceFd, null, this.#pipe.writeFd, null, room, SPLICE_F_NONBLOCK)
    }
    if (taken > 0) {
      this.#taken += taken
      this.#source.touch()
    } else if (taken === 0) {
      this.#sourceEnded = true
    } else if (taken !== -EAGAIN) {
      this.#sourceErrno = taken
    }
  }

  #drain(): number {
    const held = this.#taken - this.#sent
    const { SPLICE_F_NONBLOCK } = this.#native
    const sent = this.#native.splice(this.#pipe.readFd, null, this.fd, null, held, SPLICE_F_NONBLOCK)
    if (sent > 0) this.#sent += sent
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

  #fail(result: number, what: string): Step {
    return this.#finish(systemError(result, 'splice', what))
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#engine.forget(this, this.#sink.open, this.#source.open)
    this.#done(error, this.#sent, this.#taken === this.#sent)
    return STEP_DONE
  }
}
