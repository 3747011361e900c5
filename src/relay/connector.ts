/** Hot: connects to one address, without waiting. */
import { constants } from 'node:os'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_WAIT, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'

const { EINPROGRESS, EINTR, ECANCELED } = constants.errno

/** Told once: a connected descriptor that does not wait, or -errno. */
export type Connected = (result: number) => void

export class Connector implements Flow {
  readonly fd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #done: Connected
  #result: number
  #ended = false
  /** The first step only begins to wait. */
  #waited = false

  /** `address` as `socket-address.ts` makes it; `domain` is its family. */
  constructor(
    native: Native,
    engine: Engine,
    { address, domain }: { address: Uint8Array; domain: number },
    done: Connected,
  ) {
    this.#native = native
    this.#engine = engine
    this.#done = done
    this.fd = native.socket(domain, native.SOCK_STREAM | native.SOCK_NONBLOCK | native.SOCK_CLOEXEC, 0)
    this.#result = this.fd < 0 ? this.fd : native.connectAddress(this.fd, address)
    // An interrupted connect goes on by itself, connect(2). On a Unix socket EAGAIN says that the listener's queue is full.
    if (this.#result === -EINTR) this.#result = -EINPROGRESS
    if (domain !== native.AF_UNIX && this.fd >= 0)
      native.setsockoptInt(this.fd, native.IPPROTO_TCP, native.TCP_NODELAY, 1)
  }

  begin(): void {
    // Whoever is on this machine has answered by now.
    if (this.#result === -EINPROGRESS && this.#isConnected()) this.#result = 0
    if (this.#result === -EINPROGRESS) this.#engine.resume(this)
    else this.#finish(this.#result)
  }

  /** Gives up. */
  cancel(): void {
    this.#finish(-ECANCELED)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (!this.#waited) {
      this.#waited = true
      return STEP_WAIT
    }
    const { SOL_SOCKET, SO_ERROR } = this.#native
    const error = this.#native.getsockoptInt(this.fd, SOL_SOCKET, SO_ERROR)
    if (error === 0 && !this.#isConnected()) return STEP_WAIT
    this.#finish(error > 0 ? -error : error)
    return STEP_DONE
  }

  /** An event may be an old one; what is not connected has no peer. */
  #isConnected(): boolean {
    return this.#native.peerAddress(this.fd, peer) >= 0
  }

  #finish(result: number): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#waited) this.#engine.forget(this, true)
    if (result < 0 && this.fd >= 0) this.#native.close(this.fd)
    this.#done(result < 0 ? result : this.fd)
  }
}

const peer = new Uint8Array(128)
