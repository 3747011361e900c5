/** What a transfer takes of its sink when it is asked for, before its file is open. */
import { systemError } from '../../base/errors.js'
import { native } from '../../native/load.js'
import { closerOf } from '../../native/own.js'
import type { SinkTarget } from './endpoints.js'
import { Turn } from './turn.js'

export class Claim {
  readonly turn: Turn
  /**
   * Where the sink is a descriptor, a duplicate to send on, else -1: from now on closing the original is harmless,
   * though its number become another connection's. Without the addon it is the original.
   */
  readonly fd: number
  #close: (() => void) | null = null

  /** @throws ERR_SLUICE_SYSCALL, ERR_SLUICE_DESCRIPTORS where a descriptor cannot be duplicated */
  constructor(sink: SinkTarget) {
    this.fd = typeof sink === 'number' ? this.#duplicate(sink) : -1
    this.turn = new Turn(sink)
  }

  /** Gives all back. Doing so again does nothing. */
  end(): void {
    this.turn.leave()
    this.#close?.()
    this.#close = null
  }

  #duplicate(fd: number): number {
    if (native === null) return fd
    const own = native.dup(fd)
    if (own < 0) throw systemError(own, 'fcntl(F_DUPFD_CLOEXEC)', `Using descriptor ${fd} as a socket`)
    this.#close = closerOf(native, own)
    return own
  }
}
