/**
 * Exclusive use of a socket's descriptor for reading, around Node's stream. Node stops reading, what it had read
 * before is handed over, and reading is given back at the end, so that Node finds the end of the stream itself.
 */
import type { Socket } from 'node:net'
import type { SluiceError } from '../base/errors.js'
import { closedError } from './closed.js'
import { descriptorOf } from './socket-hold.js'

/** The part of Node's socket that has no public name: whether, and that, its handle reads. */
interface ReadingInternals {
  readonly _handle: { reading?: boolean; readStop?(): number; readStart?(): number } | null
}

export interface SourceHold {
  readonly fd: number
  /** Whether the descriptor is still this socket's. */
  readonly open: boolean
  /** What Node had read already, which comes before all that the descriptor has; null where there is nothing. */
  readonly early: Buffer | null
  /** Why the source is closed, where it is. */
  whyClosed(): SluiceError
  onClose(callback: () => void): void
  /** Bytes came: an idle timeout starts anew. */
  touch(): void
  release(): void
}

/** Takes a connected socket for reading; nothing may have ended it. */
export function holdSource(socket: Socket): SourceHold {
  return new NodeSourceHold(socket)
}

class NodeSourceHold implements SourceHold {
  readonly fd: number
  readonly early: Buffer | null
  readonly #socket: Socket
  readonly #handle: object | null
  /** Whether what arrives went to whoever listens. */
  readonly #flowed: boolean
  #onClose: (() => void) | null = null

  constructor(socket: Socket) {
    this.#socket = socket
    this.#handle = (socket as unknown as ReadingInternals)._handle
    this.fd = descriptorOf(socket)
    this.#flowed = socket.readableFlowing === true
    socket.pause()
    this.early = socket.read() as Buffer | null
    // Reading what is there asks Node for more; this takes it back before the loop gets to it.
    this.#setReading(false)
  }

  get open(): boolean {
    return this.#handle !== null && (this.#socket as unknown as ReadingInternals)._handle === this.#handle
  }

  whyClosed(): SluiceError {
    return closedError(this.#socket)
  }

  onClose(callback: () => void): void {
    this.#onClose = callback
    this.#socket.once('close', callback)
  }

  touch(): void {
    const timeout = this.#socket.timeout
    if (timeout !== undefined && timeout > 0) this.#socket.setTimeout(timeout)
  }

  release(): void {
    if (this.#onClose !== null) this.#socket.off('close', this.#onClose)
    if (!this.open) return
    // The stream may believe that it reads already, and would not ask for it.
    this.#setReading(true)
    if (this.#flowed) this.#socket.resume()
  }

  #setReading(on: boolean): void {
    const handle = (this.#socket as unknown as ReadingInternals)._handle
    if (handle === null) return
    handle.reading = on
    if (on) handle.readStart?.()
    else handle.readStop?.()
  }
}
