/**
 * Exclusive use of a socket's descriptor while bytes are sent around Node's stream.
 *
 * What was written before goes out first, what is written meanwhile waits (the stream is corked), and two
 * transfers to one socket go one after the other. The descriptor is never duplicated, so it is looked at before
 * each use: only JavaScript on this thread can close it, and its number may then be another connection's.
 */
import type { Socket } from 'node:net'
import { SluiceError } from '../base/errors.js'

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

/** By socket: whether it is held, and who waits for it, first come first. */
interface Holding {
  held: boolean
  readonly waiters: (() => void)[]
}
const holdings = new WeakMap<Socket, Holding>()

/** Takes the socket: at once where it is connected, drained and not held, else when it is. */
export function holdSocket(socket: Socket): SocketHold | Promise<SocketHold> {
  let holding = holdings.get(socket)
  if (holding === undefined) {
    holding = { held: false, waiters: [] }
    holdings.set(socket, holding)
  }
  if (!holding.held && isDrained(socket)) return new NodeSocketHold(socket, holding)
  return waitForSocket(socket, holding)
}

async function waitForSocket(socket: Socket, holding: Holding): Promise<SocketHold> {
  if (holding.held) await new Promise<void>(resolve => holding.waiters.push(resolve))
  holding.held = true
  try {
    await drained(socket)
  } catch (error) {
    passOn(holding)
    throw error
  }
  return new NodeSocketHold(socket, holding)
}

/** Wakes the next that waits; it holds the socket from this moment, so that nobody comes between. */
function passOn(holding: Holding): void {
  const next = holding.waiters.shift()
  if (next === undefined) holding.held = false
  else next()
}

function isDrained(socket: Socket): boolean {
  return socket.writableLength === 0 && !socket.connecting
}

/** Resolves when everything that was written has been handed to the kernel. */
function drained(socket: Socket): Promise<void> {
  if (isDrained(socket)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    socket.write('', error => {
      if (error) reject(closedHere(error))
      else resolve()
    })
  })
}

export function closedHere(cause?: unknown): SluiceError {
  return new SluiceError(
    'ERR_SLUICE_SOCKET_CLOSED',
    'The socket was closed',
    cause === undefined ? {} : { cause },
  )
}

class NodeSocketHold implements SocketHold {
  readonly fd: number
  readonly #socket: Socket
  readonly #handle: object | null
  readonly #holding: Holding
  #onClose: (() => void) | null = null

  constructor(socket: Socket, holding: Holding) {
    this.#socket = socket
    this.#handle = (socket as unknown as SocketInternals)._handle
    this.#holding = holding
    this.fd = descriptorOf(socket)
    holding.held = true
    socket.cork()
  }

  get open(): boolean {
    return this.#handle !== null && (this.#socket as unknown as SocketInternals)._handle === this.#handle
  }

  get ended(): boolean {
    return this.#socket.writableEnded
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
    passOn(this.#holding)
  }
}
