/** Hot: looks at what a client has sent without taking it, again whenever more has come. */
import { constants } from 'node:os'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_WAIT_SOURCE, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'

const { EAGAIN, EINTR } = constants.errno

/**
 * Told of the bytes there are, which are there only until it returns → whether they sufficed. With `length` 0 the client
 * has ended, and below that receiving failed with -errno; both end the looking.
 */
export type Look = (bytes: Uint8Array, length: number) => boolean

export class Peek implements Flow {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  sourceEnding = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #buffer: Uint8Array
  readonly #look: Look
  #ended = false

  /** `buffer` may be anybody's between two steps; what does not fit it is not seen. */
  constructor(native: Native, engine: Engine, fd: number, buffer: Uint8Array, look: Look) {
    this.fd = fd
    this.sourceFd = fd
    this.#native = native
    this.#engine = engine
    this.#buffer = buffer
    this.#look = look
  }

  begin(): void {
    this.#engine.resume(this)
  }

  stop(): void {
    if (this.#ended) return
    this.#ended = true
    this.#engine.forget(this, false, true)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    const { MSG_PEEK, MSG_DONTWAIT } = this.#native
    const length = this.#native.recv(this.fd, this.#buffer, MSG_PEEK | MSG_DONTWAIT)
    if (length === -EAGAIN) return STEP_WAIT_SOURCE
    if (length === -EINTR) return this.step()
    const enough = this.#look(this.#buffer, length)
    if (!enough && length > 0) {
      if (!this.sourceEnding) return STEP_WAIT_SOURCE
      // What is there is all that comes.
      this.#look(this.#buffer, 0)
    }
    this.stop()
    return STEP_DONE
  }
}
