/**
 * A ring by its place among those that its thread has registered, so that entering it need not look its descriptor up
 * and hold it (IORING_REGISTER_RING_FDS, Linux 5.18). A thread has 16 places; who finds none enters by descriptor.
 */
import type { Native } from '../native/calls.js'
import { ENTER_REGISTERED_RING, REGISTER_RING_FDS, UNREGISTER_RING_FDS } from './flags.js'
import { update } from './layout.js'

export class RegisteredRing {
  /** What io_uring_enter(2) is to be given for the ring: a place, or the descriptor. */
  readonly enterFd: number
  /** What belongs among its flags. */
  readonly enterFlags: number
  readonly #native: Native
  readonly #fd: number
  readonly #update = new Int32Array(update.words)

  constructor(native: Native, fd: number) {
    this.#native = native
    this.#fd = fd
    // Any place: the kernel writes which.
    this.#update[update.offset] = -1
    this.#update[update.data] = fd
    const registered = native.ioUringRegister(fd, REGISTER_RING_FDS, this.#update, 1) === 1
    this.enterFd = registered ? this.#update[update.offset]! : fd
    this.enterFlags = registered ? ENTER_REGISTERED_RING : 0
  }

  /** Gives the place back, which holds the ring open; by the same thread. */
  close(): void {
    if (this.enterFlags === 0) return
    this.#update[update.data] = 0
    this.#native.ioUringRegister(this.#fd, UNREGISTER_RING_FDS, this.#update, 1)
  }
}
