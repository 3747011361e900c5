/** Hot: takes connections from a socket that listens, as the engine finds it ready. */
import { constants } from 'node:os'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT_SOURCE, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'
import { isShort } from './shortage.js'

/** How many are taken in one step, before others have their turn. */
const stepConnections = 64
/** How long to wait where descriptors or memory are short: nothing tells when they are not. */
const retryMs = 50

const { EAGAIN, ECONNABORTED, EINTR, EPROTO } = constants.errno

export class Acceptor implements Flow {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #onConnection: (fd: number) => void
  #closed = false
  #paused = false
  #waiting = false
  /** How often none could be taken for want of descriptors or memory. */
  starved = 0

  /** Takes over the listening descriptor, which does not wait. */
  constructor(native: Native, engine: Engine, listener: number, onConnection: (fd: number) => void) {
    this.fd = listener
    this.sourceFd = listener
    this.#native = native
    this.#engine = engine
    this.#onConnection = onConnection
  }

  begin(): void {
    this.#engine.resume(this)
  }

  /** Takes no more for now: the kernel's queue fills up, and then clients wait. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (!this.#waiting) this.#engine.resume(this)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#engine.forget(this, false, true)
    this.#native.close(this.fd)
  }

  step(): Step {
    this.#waiting = false
    for (let count = 0; count < stepConnections; count++) {
      if (this.#closed) return STEP_DONE
      if (this.#paused) return STEP_PARK
      if (isShort()) return this.#starve()
      const fd = this.#native.accept4(this.fd, this.#native.SOCK_NONBLOCK | this.#native.SOCK_CLOEXEC)
      if (fd >= 0) this.#onConnection(fd)
      else if (fd === -EAGAIN) return STEP_WAIT_SOURCE
      else if (fd !== -EINTR && fd !== -ECONNABORTED && fd !== -EPROTO) return this.#starve()
    }
    return STEP_MORE
  }

  #starve(): Step {
    this.starved++
    this.#waiting = true
    setTimeout(() => this.#engine.resume(this), retryMs)
    return STEP_PARK
  }
}
