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
  /** Bytes to move, or null for all until the source ends. */
  readonly length: number | null
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
  readonly #length: number
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: SpliceDone
  /** Bytes taken from the source, and handed to the sink: the difference is in the pipe. */
  #taken = 0
  #sent = 0
  #sourceEnded = false
  #ended = false

  constructor(
    native: Native,
    engine: PollEngine,
    { source, sink, pipe, length }: SpliceEnds,
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
    this.#length = length ?? Number.POSITIVE_INFINITY
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
      const filled = this.#fill()
      if (this.#taken === this.#sent) {
        if (this.#sourceEnded || this.#taken === this.#length) return this.#finish(null)
        return filled === -EAGAIN
          ? STEP_WAIT_SOURCE
          : filled === -EINTR
            ? STEP_MORE
            : this.#fail(filled, this.#source)
      }
      const drained = this.#drain()
      if (drained > 0) this.#report()
      else if (drained === -EAGAIN) return STEP_WAIT
      else if (drained !== -EINTR) return this.#fail(drained, this.#sink)
      if (this.#ended) return STEP_DONE
    }
    return STEP_MORE
  }

  /** Takes from the source what the pipe has room for → as splice(2); an error counts once the pipe is empty. */
  #fill(): number {
    const room = Math.min(this.#pipe.capacity - (this.#taken - this.#sent), this.#length - this.#taken)
    if (room === 0 || this.#sourceEnded) return 0
    const { SPLICE_F_NONBLOCK } = this.#native
    const taken = this.#native.splice(this.sourceFd, null, this.#pipe.writeFd, null, room, SPLICE_F_NONBLOCK)
    if (taken > 0) {
      this.#taken += taken
      this.#source.touch()
    } else if (taken === 0) {
      this.#sourceEnded = true
    }
    return taken
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

  #fail(result: number, end: SourceHold | SocketHold): Step {
    const what = end === this.#source ? 'Receiving from a socket' : 'Sending to a socket'
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
