/** Hot: the connections of one thread by their place, which a later connection may have again. */
import { Connection } from './connection.js'
import type { Host } from './host.js'
import type { Wired } from './wire.js'

/** So many times a place is used before its generation begins anew: what names a place in the kernel has 28 bits for it. */
const generationsMax = 2 ** 28

export class ConnectionTable {
  readonly #connections: (Connection | null)[] = []
  readonly #generations: number[] = []
  readonly #free: number[] = []
  /** How many there are. */
  count = 0

  open(host: Host, fd: number): Connection {
    const slot = this.#free.pop() ?? this.#connections.length
    const generation = ((this.#generations[slot] ?? 0) + 1) % generationsMax
    const connection = new Connection(host, fd, slot, generation)
    this.#connections[slot] = connection
    this.#generations[slot] = generation
    this.count++
    return connection
  }

  /** The connection, or null where it is another one by now. */
  at(slot: number, generation: number): Connection | null {
    const connection = this.#connections[slot]
    return connection !== null && connection !== undefined && connection.generation === generation
      ? connection
      : null
  }

  /** Nothing of it is with the kernel any more. */
  remove({ slot }: Wired): void {
    this.#connections[slot] = null
    this.#free.push(slot)
    this.count--
  }

  /** Ends those whose time is over. */
  expire(nowMs: number): void {
    for (let slot = 0; slot < this.#connections.length; slot++) {
      const connection = this.#connections[slot]
      if (connection !== null && connection!.deadlineMs <= nowMs && !connection!.closed) connection!.expire()
    }
  }

  /** Calls for each that is there when it is its turn. */
  forEach(call: (connection: Connection) => void): void {
    for (const connection of this.#connections)
      if (connection !== null && !connection.closed) call(connection)
  }
}
