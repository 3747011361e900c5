/**
 * TCP_CORK of tcp(7): only full segments leave while it is set, so that a small head does not travel alone. The kernel
 * sends what it holds after 200 ms at the latest.
 */
import type { Native } from '../../native/calls.js'

export class Cork {
  readonly #native: Native
  readonly #fd: number
  /** It is the program's own affair where it was set before. */
  readonly #ours: boolean
  #on = false

  constructor(native: Native, fd: number) {
    this.#native = native
    this.#fd = fd
    this.#ours = native.getsockoptInt(fd, native.IPPROTO_TCP, native.TCP_CORK) === 0
  }

  set(on: boolean): void {
    if (!this.#ours || this.#on === on) return
    this.#native.setsockoptInt(this.#fd, this.#native.IPPROTO_TCP, this.#native.TCP_CORK, on ? 1 : 0)
    this.#on = on
  }
}
