/**
 * Waiting for one's turn on a connection. A client may send requests without waiting for the answers (RFC 9112,
 * section 9.3.2), and Node calls for each at once, although they are answered one after another. A request that is
 * not next opens nothing, and a connection with many that wait is not read from: else one client could use up all
 * descriptors, or all memory, by asking and not reading.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** With so many requests waiting, no more are read from their connection. What one read(2) brought still comes. */
const waitingMax = 64

/** Calls `begin` when it is this response's turn: now if it is; or `gone` where the connection closes before. */
export function inTurn(req: IncomingMessage, res: ServerResponse, begin: () => void, gone: () => void): void {
  // HTTP/2 has no turns, and its responses always have a socket.
  if (res.socket !== null || res.writableEnded || req.socket.destroyed) return begin()
  let queue = queues.get(req.socket)
  if (queue === undefined) {
    queue = new Queue(req.socket)
    queues.set(req.socket, queue)
  }
  queue.add(res, begin, gone)
}

/** By connection, where requests have waited. */
const queues = new WeakMap<Socket, Queue>()

class Queue {
  readonly #socket: Socket
  /** What to do about each waiting request when the connection closes. */
  readonly #waiting = new Set<() => void>()
  #paused = false
  #scheduled = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.once('close', () => {
      for (const gone of this.#waiting) gone()
      this.#waiting.clear()
    })
  }

  add(res: ServerResponse, begin: () => void, gone: () => void): void {
    this.#waiting.add(gone)
    // After what was read is parsed, which resumes the socket, and before more is read.
    if (this.#waiting.size >= waitingMax && !this.#scheduled) {
      this.#scheduled = true
      process.nextTick(this.#steer)
    }
    res.once('socket', () => {
      this.#waiting.delete(gone)
      // Node resumes the socket when a response is finished: what is decided now would not last.
      if (this.#paused && !this.#scheduled) {
        this.#scheduled = true
        setImmediate(this.#steer)
      }
      begin()
    })
  }

  readonly #steer = (): void => {
    this.#scheduled = false
    if (this.#waiting.size >= waitingMax) {
      this.#paused = true
      this.#socket.pause()
    } else if (this.#paused) {
      this.#paused = false
      this.#socket.resume()
    }
  }
}
