/**
 * Hot: by splice(2) where one end is a pipe itself, and none is needed between: pipe to socket, socket to pipe, pipe
 * to pipe.
 *
 * EAGAIN does not say which end it means, so both are asked, poll(2). Whichever is not ready will be, and the engine's
 * watch tells when; where both have become ready since, the call is made again.
 */
import { constants } from 'node:os'
import { errnoName } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import {
  type Flow,
  STEP_DONE,
  STEP_MORE,
  STEP_PARK,
  STEP_WAIT,
  STEP_WAIT_SOURCE,
  type Step,
} from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import type { HeldSource } from '../ends/source-hold.js'
import { streamError } from '../stream-error.js'
import { isRefusal, PathRefused } from './path-refused.js'
import type { SpliceDone, SpliceEnds } from './splice.js'

/** What one step moves at most; see the same in sendfile.ts. */
const stepBytes = 1 * MiB
/** How often in a row both ends may be ready and nothing move, and how long is waited then. */
const fruitlessMax = 8
const fruitlessMs = 2

const { EAGAIN, EINTR } = constants.errno

export class SpliceDirectFlow implements Flow {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #source: HeldSource
  readonly #sink: SocketHold
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: SpliceDone
  /** What Node had read, until it is sent. */
  #early: Buffer | null
  #sent = 0
  #spliced = false
  #fruitless = 0
  #ended = false

  constructor(
    native: Native,
    engine: Engine,
    { source, sink }: SpliceEnds,
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
    if (this.#source.ended) return this.#finish(null)
    const { SPLICE_F_NONBLOCK } = this.#native
    const stopAt = this.#sent + stepBytes
    while (this.#sent < stopAt) {
      const moved = this.#native.splice(this.sourceFd, null, this.fd, null, stepBytes, SPLICE_F_NONBLOCK)
      if (moved > 0) this.#advance(moved)
      else if (moved === 0) return this.#finish(null)
      else if (moved === -EAGAIN) return this.#wait()
      else if (moved !== -EINTR) return this.#fail(moved)
      if (this.#ended) return STEP_DONE
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

  #advance(bytes: number): void {
    this.#spliced = true
    this.#fruitless = 0
    this.#source.touch()
    this.#report(bytes)
  }

  #wait(): Step {
    const { POLLIN, POLLOUT } = this.#native
    // The end of the source is among what it is ready for, and the failing of the sink likewise.
    if (this.#native.pollNow(this.sourceFd, POLLIN) === 0) return STEP_WAIT_SOURCE
    if (this.#native.pollNow(this.fd, POLLOUT) === 0) return STEP_WAIT
    if (++this.#fruitless < fruitlessMax) return STEP_MORE
    this.#fruitless = 0
    setTimeout(() => this.#engine.resume(this), fruitlessMs)
    return STEP_PARK
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

  #fail(errno: number): Step {
    if (!this.#spliced && isRefusal(errno)) return this.#finish(new PathRefused(errnoName(errno)))
    return this.#finish(streamError(errno, 'splice', 'Moving bytes from stream to stream'))
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#engine.forget(this, this.#sink.open, this.#source.open)
    this.#done(error, this.#sent, 0)
    return STEP_DONE
  }
}
