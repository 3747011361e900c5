/**
 * A socket whose descriptor is used around Node's stream. The descriptor is never duplicated, so it is looked at
 * before each use: only JavaScript on this thread can close it, and its number may then be another connection's.
 */
import type { Socket } from 'node:net'
import type { SluiceError } from '../../base/errors.js'
import { closedError } from './closed.js'

/** The part of Node's socket that has no public name. The handle is null once the socket is destroyed. */
interface SocketInternals {
  readonly _handle: SocketHandle | null
}

export interface SocketHandle {
  readonly fd?: number
  reading?: boolean
  readStart?(): number
  readStop?(): number
}

/** The handle under a socket; null where it is closed, or not connected yet. */
export function handleOf(socket: Socket): SocketHandle | null {
  return (socket as unknown as SocketInternals)._handle
}

/** The descriptor under a socket, or -1: TLS has none that may be written to, and neither has a closed socket. */
export function descriptorOf(socket: Socket): number {
  return handleOf(socket)?.fd ?? -1
}

export class HeldSocket {
  readonly fd: number
  protected readonly socket: Socket
  readonly #handle: SocketHandle | null
  #onClose: (() => void) | null = null

  constructor(socket: Socket) {
    this.socket = socket
    this.#handle = handleOf(socket)
    this.fd = descriptorOf(socket)
  }

  /** Whether the descriptor is still this socket's. */
  get open(): boolean {
    return this.#handle !== null && handleOf(this.socket) === this.#handle
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  /** Why the socket is closed, where it is. */
  whyClosed(): SluiceError {
    return closedError(this.socket)
  }

  /** Calls back when the socket is closed on this side, in place of who was to be called before. */
  onClose(callback: () => void): void {
    if (this.#onClose !== null) this.socket.off('close', this.#onClose)
    this.#onClose = callback
    this.socket.once('close', callback)
  }

  /** Bytes went through: an idle timeout starts anew. */
  touch(): void {
    const timeout = this.socket.timeout
    if (timeout !== undefined && timeout > 0) this.socket.setTimeout(timeout)
  }

  release(): void {
    if (this.#onClose !== null) this.socket.off('close', this.#onClose)
  }
}
