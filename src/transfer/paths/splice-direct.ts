/**
 * Hot: by splice(2) where one end is a pipe itself, and none is needed between: pipe to socket, socket to pipe, pipe
 * to pipe.
 *
 * EAGAIN does not say which end it means, so both are asked, poll(2). Whichever is not ready will be, and the engine's
 * watch tells when; where both have become ready since, the call is made again.
 */
import { errnoName } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { STEP_MORE, STEP_PARK, STEP_WAIT, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import { streamError } from '../stream-error.js'
import { isRefusal, PathRefused } from './path-refused.js'
import type { SplicedFlow, Splicer } from './splicer.js'

/** See the same in sendfile.ts. */
const stepBytes = 1 * MiB
/** How often in a row both ends may be ready and nothing move, and how long is waited then. */
const fruitlessMax = 8
const fruitlessMs = 2

export class DirectSplicer implements Splicer {
  readonly stepBytes = stepBytes
  readonly #native: Native
  readonly #engine: Engine
  readonly #flow: SplicedFlow
  #spliced = false
  #fruitless = 0

  constructor(native: Native, engine: Engine, flow: SplicedFlow) {
    this.#native = native
    this.#engine = engine
    this.#flow = flow
  }

  move(): number {
    const { sourceFd, fd } = this.#flow
    const moved = this.#native.splice(sourceFd, null, fd, null, stepBytes, this.#native.SPLICE_F_NONBLOCK)
    if (moved > 0) {
      this.#spliced = true
      this.#fruitless = 0
    }
    return moved
  }

  wait(): Step {
    const { POLLIN, POLLOUT } = this.#native
    // The end of the source is among what it is ready for, and the failing of the sink likewise.
    if (this.#native.pollNow(this.#flow.sourceFd, POLLIN) === 0) return STEP_WAIT_SOURCE
    if (this.#native.pollNow(this.#flow.fd, POLLOUT) === 0) return STEP_WAIT
    if (++this.#fruitless < fruitlessMax) return STEP_MORE
    this.#fruitless = 0
    setTimeout(() => this.#engine.resume(this.#flow), fruitlessMs)
    return STEP_PARK
  }

  failure(errno: number): unknown {
    if (!this.#spliced && isRefusal(errno)) return new PathRefused(errnoName(errno))
    return streamError(errno, 'splice', 'Moving bytes from stream to stream')
  }

  leave(): null {
    return null
  }

  end(): void {}
}
