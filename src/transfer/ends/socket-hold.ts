/**
 * Use of a socket's descriptor while bytes are sent around Node's stream.
 *
 * What was written before goes out first, and what is written meanwhile waits: the stream is corked. One transfer
 * at a time holds a socket (turn.ts).
 */
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { SluiceError } from '../../base/errors.js'
import { native } from '../../native/load.js'
import { closedError } from './closed.js'
import { HeldSocket } from './held-socket.js'
import { kindOfSocket } from './sink-kind.js'

export interface SocketHold {
  readonly fd: number
  /** Whether the descriptor is still this socket's. */
  readonly open: boolean
  /** Whether this side has ended the stream: it is shut down for writing as soon as it is let go. */
  readonly ended: boolean
  /** Whether the stream was destroyed, and its descriptor not just handed to somebody else; never without a stream. */
  readonly destroyed?: boolean
  /** Why it is not open any more, or was ended. */
  whyClosed(): SluiceError
  /** Calls back when the socket is closed on this side. */
  onClose(callback: () => void): void
  /** Bytes were sent: an idle timeout starts anew. */
  touch(): void
  release(): void
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

class NodeSocketHold extends HeldSocket implements SocketHold {
  readonly #writer: Writable
  /** A pipe's flag, which the other users of the open file share, was changed, and is to be put back. */
  readonly #unblocked: boolean

  constructor(socket: Socket, writer: Writable) {
    super(socket)
    this.#writer = writer
    const isPipe = native !== null && kindOfSocket(native, socket) === 'pipe'
    this.#unblocked = isPipe && native!.setNonBlocking(this.fd, 1) === 1
    socket.cork()
  }

  get ended(): boolean {
    return this.socket.writableEnded || this.#writer.writableEnded
  }

  override release(): void {
    super.release()
    if (this.#unblocked && this.open) native!.setNonBlocking(this.fd, 0)
    if (!this.socket.destroyed) this.socket.uncork()
  }
}
