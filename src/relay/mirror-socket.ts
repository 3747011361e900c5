/**
 * A connection to a mirror. What the mirror answers is received and thrown away: one that waits for its answers to be
 * taken would stop to read, and closing a connection with answers in it resets it, which loses what the mirror has not got.
 */
import { constants } from 'node:os'
import { KiB } from '../base/units.js'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT_SOURCE, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'

/** How long a mirror may go on answering once it was told of the end. */
const lingerMs = 2000
/** How many receives one step makes, before others have their turn. */
const stepReceives = 16

const { EAGAIN, EINTR } = constants.errno

/** Where answers go: nobody reads it. */
const discarded = new Uint8Array(64 * KiB)

export class MirrorSocket implements Flow {
  /** It is only received from. */
  readonly fd = -1
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #closed: () => void
  /** No more answers can come. */
  #answered = false
  #timer: NodeJS.Timeout | null = null
  #ended = false

  /** Takes over the descriptor; `closed` is called when it is closed. */
  constructor(native: Native, engine: Engine, fd: number, closed: () => void) {
    this.sourceFd = fd
    this.#native = native
    this.#engine = engine
    this.#closed = closed
  }

  begin(): void {
    this.#engine.resume(this)
  }

  /** Tells the mirror of the end, and closes the connection when it has ended as well, or after a while. Once. */
  end(): void {
    this.#native.shutdown(this.sourceFd, this.#native.SHUT_WR)
    if (this.#answered) this.#close()
    else this.#timer = setTimeout(() => this.#close(), lingerMs)
  }

  step(): Step {
    if (this.#ended || this.#answered) return STEP_DONE
    for (let count = 0; count < stepReceives; count++) {
      const received = this.#native.recv(this.sourceFd, discarded, this.#native.MSG_DONTWAIT)
      if (received === -EAGAIN) return STEP_WAIT_SOURCE
      if (received > 0 || received === -EINTR) continue
      this.#answered = true
      this.#engine.forget(this, false, true)
      if (this.#timer !== null) this.#close()
      return STEP_DONE
    }
    return STEP_MORE
  }

  #close(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (!this.#answered) this.#engine.forget(this, false, true)
    this.#native.close(this.sourceFd)
    this.#closed()
  }
}
