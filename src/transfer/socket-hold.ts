/**
 * Use of a socket's descriptor while bytes are sent around Node's stream.
 *
 * What was written before goes out first, and what is written meanwhile waits: the stream is corked. One transfer
 * at a time holds a socket (turn.ts). The descriptor is never duplicated, so it is looked at before each use: only
 * JavaScript on this thread can close it, and its number may then be another connection's.
 */
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { SluiceError } from '../base/errors.js'
import { closedError } from './closed.js'

/** The part of Node's socket that has no public name. The handle is null once the socket is destroyed. */
interface SocketInternals {
  readonly _handle: { readonly fd?: number } | null
}

export interface SocketHold {
  readonly fd: number
  /** Whether the descriptor is still this socket's. */
  readonly open: boolean
  /** Whether this side has ended the stream: it is shut down for writing as soon as it is let go. */
  readonly ended: boolean
  /** Why it is not open any more, or was ended. */
  whyClosed(): SluiceError
  /** Calls back when the socket is closed on this side. */
  onClose(callback: () => void): void
  /** Bytes were sent: an idle timeout starts anew. */
  touch(): void
  release(): void
}

/** The descriptor under a socket, or -1: TLS has none that may be written to, and neither has a closed socket. */
export function descriptorOf(socket: Socket): number {
  return (socket as unknown as SocketInternals)._handle?.fd ?? -1
}

/**
 * Takes the socket, at once where it is connected and drained, else when it is. `writer` is what the program writes
 * to, where that is a response on the socket: its end is the end of what may be sent.
 *
 * @throws ERR_SLUICE_SOCKET_CLOSED, ERR_SLUICE_PEER_CLOSED where the socket closes before that
 */
export function holdSocket(socket: Socket, writer: Writable = socket): SocketHold | Promise<SocketHold> {
  if (isDrained(socket)) return new NodeSocketHold(socket, writer)
  return waitForSocket(socket, writer)
}

async function waitForSocket(socket: Socket, writer: Writable): Promise<SocketHold> {
  // The callback of an earlier write may have written more meanwhile, and that may be half out.
  while (!isDrained(socket)) await drained(socket)
  return new NodeSocketHold(socket, writer)
}

function isDrained(socket: Socket): boolean {
  return socket.writableLength === 0 && !socket.pending
}

/** Resolves when everything that was written until now has been handed to the kernel. */
function drained(socket: Socket): Promise<void> {
  // Writing to these would destroy them, with what they still have to send, and say so to the program.
  const closed = socket.destroyed || socket.writableEnded || (socket.pending && !socket.connecting)
  if (closed) return Promise.reject(closedError(socket))
  return new Promise((resolve, reject) => {
    socket.write('', error => {
      if (error) reject(closedError(socket, error))
      else resolve()
    })
  })
}

class NodeSocketHold implements SocketHold {
  readonly fd: number
  readonly #socket: Socket
  readonly #writer: Writable
  readonly #handle: object | null
  #onClose: (() => void) | null = null

  constructor(socket: Socket, writer: Writable) {
    this.#socket = socket
    this.#writer = writer
    this.#handle = (socket as unknown as SocketInternals)._handle
    this.fd = descriptorOf(socket)
    socket.cork()
  }

  get open(): boolean {
    return this.#handle !== null && (this.#socket as unknown as SocketInternals)._handle === this.#handle
  }

  get ended(): boolean {
    return this.#socket.writableEnded || this.#writer.writableEnded
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
    if (!this.#socket.destroyed) this.#socket.uncork()
  }
}
