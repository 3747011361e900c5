/**
 * A socket or pipe to a file by splice(2) through two pipes: while a thread of the pool empties one into the file,
 * the other is filled. Only the thread can wait for the disk. The kernel copies from what arrived to the page cache.
 */
import { constants } from 'node:os'
import { errnoName } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { HeldSource } from '../ends/source-hold.js'
import type { Held } from '../jobs/stream-copy.js'
import type { Pipe, PipePool } from '../pipe-pool.js'
import { streamError } from '../stream-error.js'
import { writeError } from '../write-error.js'
import { Bulk } from './bulk.js'
import { isRefusal, PathRefused } from './path-refused.js'
import { writePieceBytes } from './write-piece.js'

const { EAGAIN, EINTR, EIO } = constants.errno

/**
 * What a pipe takes at most, and a thread writes in one trip: a trip costs some 20 µs of CPU time, as much as moving 100
 * KiB into a file that is there. How much a pipe holds is for its slots to say, each of which may take a piece of several
 * pages.
 */
const tripBytes = 2 * MiB

/** A pipe and the bytes in it. */
export interface Bucket extends Held {
  readonly pipe: Pipe
}

/** `buckets`: what was taken and not written, the first first. The pipes are not used any more. */
export type SpliceToFileDone = (error: unknown, writtenBytes: number, buckets: readonly Bucket[]) => void

export interface SpliceToFile {
  readonly source: HeldSource
  /** Whether the source is a TCP socket. */
  readonly isTcp: boolean
  readonly file: { readonly fd: number; readonly name: string; readonly position: number }
  readonly pipes: PipePool
  /** Two that are empty. */
  readonly taken: readonly [Pipe, Pipe]
}

class MutableBucket implements Bucket {
  readonly fd: number
  bytes = 0
  constructor(readonly pipe: Pipe) {
    this.fd = pipe.readFd
  }
}

export class SpliceToFileFlow implements Flow {
  /** The file is never waited for in the engine. */
  readonly fd = -1
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #source: HeldSource
  readonly #file: SpliceToFile['file']
  readonly #pipes: PipePool
  readonly #bulk: Bulk
  readonly #onProgress: ((writtenBytes: number) => void) | undefined
  readonly #done: SpliceToFileDone
  #filling: MutableBucket
  #draining: MutableBucket
  /** A thread empties `#draining`. */
  #busy = false
  /** The source has proved to be bulk. */
  #proved = false
  #taken = 0
  #written = 0
  #sourceEnded: boolean
  /** What receiving failed with, or 0: it counts when all that came before is written. */
  #sourceErrno = 0
  /** What ended the flow while the thread was busy. */
  #reason: { readonly error: unknown } | null = null
  #ended = false

  constructor(
    native: Native,
    engine: Engine,
    { source, isTcp, file, pipes, taken: [one, other] }: SpliceToFile,
    onProgress: ((writtenBytes: number) => void) | undefined,
    done: SpliceToFileDone,
  ) {
    this.sourceFd = source.fd
    this.#native = native
    this.#engine = engine
    this.#source = source
    this.#sourceEnded = source.ended
    this.#file = file
    this.#pipes = pipes
    this.#filling = new MutableBucket(one)
    this.#draining = new MutableBucket(other)
    this.#bulk = new Bulk(
      native,
      { fd: source.fd, isTcp },
      () => {
        this.#proved = true
      },
      () => engine.resume(this),
    )
    this.#onProgress = onProgress
    this.#done = done
  }

  begin(): void {
    this.#engine.resume(this)
    if (this.#ended) return
    this.#source.onClose(() => {
      if (!this.#sourceEnded) this.interrupt(this.#source.whyClosed())
    })
  }

  /** Ends the flow from outside, once no thread is busy for it. */
  interrupt(error: unknown): void {
    if (this.#busy) this.#reason ??= { error }
    else if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (this.#reason !== null) return STEP_PARK
    if (!this.#sourceEnded && !this.#source.open) {
      this.interrupt(this.#source.whyClosed())
      return this.#busy ? STEP_PARK : STEP_DONE
    }
    this.#bulk.go()
    const filled = this.#fill()
    if (!this.#busy && this.#filling.bytes > 0) this.#swap()
    if (filled) return STEP_MORE
    if (this.#sourceEnded || this.#sourceErrno !== 0) return this.#busy ? STEP_PARK : this.#endAtSource()
    // A pipe that is full although something has come waits for the thread, which resumes the flow.
    this.#bulk.wait(this.#taken)
    return STEP_WAIT_SOURCE
  }

  /** → whether something came. */
  #fill(): boolean {
    const bucket = this.#filling
    const room = tripBytes - bucket.bytes
    if (room <= 0 || this.#sourceEnded || this.#sourceErrno !== 0) return false
    const { SPLICE_F_NONBLOCK } = this.#native
    const taken = this.#native.splice(this.sourceFd, null, bucket.pipe.writeFd, null, room, SPLICE_F_NONBLOCK)
    if (taken > 0) {
      bucket.bytes += taken
      this.#taken += taken
      this.#source.touch()
    } else if (taken === 0) {
      this.#sourceEnded = true
    } else if (taken !== -EAGAIN && taken !== -EINTR) {
      this.#sourceErrno = taken
    }
    return taken > 0 || taken === -EINTR
  }

  #swap(): void {
    const full = this.#filling
    this.#filling = this.#draining
    this.#draining = full
    // Not before it is empty and no thread works on it: the kernel would wait for that.
    if (this.#proved) this.#pipes.enlarge(this.#filling.pipe)
    this.#drain()
  }

  #drain(): void {
    this.#busy = true
    const { fd, position } = this.#file
    const { pipe, bytes } = this.#draining
    this.#native
      .spliceOffload(pipe.readFd, fd, position + this.#written, bytes, writePieceBytes)
      .then(result => this.#onDrained(result))
  }

  #onDrained(result: number): void {
    this.#busy = false
    if (result > 0) {
      this.#written += result
      this.#draining.bytes -= result
      this.#report()
    } else if (result !== -EINTR) {
      this.#reason ??= { error: this.#drainError(result) }
    }
    if (this.#reason !== null) this.#finish(this.#reason.error)
    else if (this.#draining.bytes > 0) this.#drain()
    else this.#engine.resume(this)
  }

  #drainError(result: number): unknown {
    if (this.#written === 0 && isRefusal(result)) return new PathRefused(errnoName(result))
    // A pipe that has bytes gives some; 0 is not among what splice(2) may answer.
    return writeError(result === 0 ? -EIO : result, 'splice', this.#file.name)
  }

  #report(): void {
    try {
      this.#onProgress?.(this.#written)
    } catch (error) {
      this.#reason ??= { error }
    }
  }

  #endAtSource(): Step {
    const errno = this.#sourceErrno
    if (errno === 0) return this.#finish(this.#source.endError)
    if (this.#taken === 0 && isRefusal(errno)) return this.#finish(new PathRefused(errnoName(errno)))
    return this.#finish(streamError(errno, 'splice', 'Receiving from a stream'))
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#bulk.end(this.#source.open)
    this.#engine.forget(this, false, this.#source.open)
    this.#done(error, this.#written, [this.#draining, this.#filling])
    return STEP_DONE
  }
}
