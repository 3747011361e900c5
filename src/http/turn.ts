/**
 * Waiting for one's turn on a connection. A client may send requests without waiting for the answers (RFC 9112,
 * section 9.3.2), and Node calls for each at once, although they are answered one after another. A request that is
 * not next opens nothing: else one client could use up all descriptors by asking and not reading.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** With so many requests waiting, no more are read from their connection; what was read before still comes. */
const waitingMax = 64

interface Queue {
  /** What to do about each waiting request when the connection closes. */
  readonly waiting: Set<() => void>
  paused: boolean
}

const queues = new WeakMap<Socket, Queue>()

/** Calls `begin` when it is this response's turn: now if it is, and never if the connection closes before: then `gone`. */
export function inTurn(req: IncomingMessage, res: ServerResponse, begin: () => void, gone: () => void): void {
  // HTTP/2 has no turns, and its responses always have a socket.
  if (res.socket !== null || res.writableEnded || req.socket.destroyed) return begin()
  const { socket } = req
  const queue = queueOf(socket)
  queue.waiting.add(gone)
  if (queue.waiting.size >= waitingMax && !queue.paused) {
    queue.paused = true
    socket.pause()
  }
  res.once('socket', () => {
    queue.waiting.delete(gone)
    if (queue.paused && queue.waiting.size < waitingMax) {
      queue.paused = false
      socket.resume()
    }
    begin()
  })
}

function queueOf(socket: Socket): Queue {
  let queue = queues.get(socket)
  if (queue === undefined) {
    const waiting = new Set<() => void>()
    queue = { waiting, paused: false }
    queues.set(socket, queue)
    socket.once('close', () => {
      for (const gone of waiting) gone()
      waiting.clear()
    })
  }
  return queue
}
