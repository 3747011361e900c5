/**
 * Hot: connections on a ring: one multishot accept for the listener, one multishot receive for each connection into
 * buffers that all of them share, and one submission for an answer from memory.
 *
 * A connection that is answered a second time is registered with the ring, in the slot that is its place, so that a
 * send need not look its descriptor up and hold it, which takes atomic operations in a process of several threads.
 *
 * A descriptor is closed when none of its operations is with the kernel any more, so that its number cannot become
 * another connection's while a completion of it is still to come.
 */
import { constants } from 'node:os'
import { SluiceError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import type { CompletionHandler } from '../ring/completion-queue.js'
import { AS_DESCRIPTOR, CQE_BUFFER, CQE_MORE, FIXED_FILE } from '../ring/flags.js'
import type { ProvidedBuffers } from '../ring/provided-buffers.js'
import type { RingMemory } from '../ring/ring-memory.js'
import type { ThreadRing } from '../ring/thread-ring.js'
import type { Connection } from './connection.js'
import type { ConnectionTable } from './connection-table.js'
import { CONNECTIONS, CONNECTIONS_CLOSED, CONNECTIONS_REFUSED } from './counters.js'
import type { Host } from './host.js'
import type { ThreadWire } from './thread-wire.js'
import { PENDING, type Wired } from './wire.js'

/** What a completion was for: the last bits of the user data's high half, the others are the generation. */
const ACCEPT = 0
const RECEIVE = 1
const SEND = 2
const WRITABLE = 3
const TICK = 4
const LOOP = 5
/** Operations whose completion tells nothing. */
const OTHER = 6
const kindBits = 3

/** How often deadlines are looked at, in milliseconds. */
const tickMs = 250
const POLLIN = 1
const POLLOUT = 4

const { EAGAIN, ECANCELED, ENOBUFS } = constants.errno

/** By place: what of a connection is with the kernel, and what is to be. */
const RECEIVING = 1
const SENDING = 2
const WATCHING = 4
const ops = RECEIVING | SENDING | WATCHING
const PAUSED = 8
const CLOSING = 16
/** System calls on the descriptor do not wait (O_NONBLOCK); the ring then does not wait for it either. */
const NONBLOCKING = 32
const DIRECT = 64
/** Something was sent from memory. */
const ANSWERED = 128
/** The ring knows the socket by its slot. */
const REGISTERED = 256

export interface RingWireOptions {
  native: Native
  ring: ThreadRing
  buffers: ProvidedBuffers
  /** The server's memory. */
  memory: RingMemory
  listener: number
  /** The epoll descriptor of Node's loop, which is looked after while the thread waits in the ring. */
  loop: number
  table: ConnectionTable
  connectionsMax: number
}

export class RingWire implements ThreadWire, CompletionHandler {
  readonly name = 'ring'
  readonly #native: Native
  readonly #ring: ThreadRing
  readonly #buffers: ProvidedBuffers
  readonly #memory: RingMemory
  readonly #listener: number
  readonly #loop: number
  readonly #table: ConnectionTable
  readonly #connectionsMax: number
  readonly #state: Int32Array
  #host: Host | null = null
  #later: Wired[] = []
  #accepting = false
  #listening = true
  #ticking = false
  #registers: boolean
  /** Node's loop has something to do. */
  loopReady = false

  constructor(options: RingWireOptions) {
    this.#native = options.native
    this.#ring = options.ring
    this.#buffers = options.buffers
    this.#memory = options.memory
    this.#listener = options.listener
    this.#loop = options.loop
    this.#table = options.table
    this.#connectionsMax = options.connectionsMax
    // Places are used again only once they are free: there are never more of them than connections at a time.
    this.#state = new Int32Array(options.connectionsMax)
    this.#registers = succeeds(() => this.#ring.files.open(options.connectionsMax))
  }

  begin(host: Host): void {
    this.#host = host
    this.#accept()
    this.#tick()
    this.#ring.submissions.poll(this.#loop, POLLIN, 0, 0, LOOP)
  }

  /** No more connections are accepted. */
  stopAccepting(): void {
    this.#listening = false
    this.#ring.submissions.cancelDescriptor(this.#listener, 0, 0, OTHER)
  }

  /** Node's loop had its turn: it is looked after again. */
  watchLoop(): void {
    this.loopReady = false
    this.#ring.submissions.poll(this.#loop, POLLIN, 0, 0, LOOP)
  }

  wait(ms: number): void {
    this.#ring.wait(this.#later.length > 0 ? 0 : ms)
  }

  react(): void {
    this.#ring.reap(this)
    const turn = this.#later
    if (turn.length === 0) return
    this.#later = []
    for (const connection of turn) if (!connection.closed) connection.onTurn()
  }

  end(): Promise<void> {
    return this.#ring.close()
  }

  onCompletion(slot: number, high: number, result: number, flags: number): void {
    const kind = high & ((1 << kindBits) - 1)
    if (kind === RECEIVE) this.#onReceive(slot, high >> kindBits, result, flags)
    else if (kind === SEND) this.#onSend(slot, high >> kindBits, result)
    else if (kind === WRITABLE) this.#onWritable(slot, high >> kindBits)
    else if (kind === ACCEPT) this.#onAccept(result, flags)
    else if (kind === TICK) this.#onTick()
    else if (kind === LOOP) this.loopReady = true
  }

  send(connection: Wired, offset: number, length: number): number {
    const { fd, slot, generation } = connection
    const { submissions } = this.#ring
    const state = this.#state[slot]!
    this.#state[slot] = state | SENDING | ANSWERED
    const registered = (state & REGISTERED) !== 0
    const file = registered ? slot : fd
    submissions.send(file, this.#memory, offset, length, 0, slot, (generation << kindBits) | SEND)
    if (registered) submissions.mark(FIXED_FILE)
    else if ((state & ANSWERED) !== 0) this.#register(slot, fd)
    return PENDING
  }

  beginDirect({ fd, slot }: Wired): void {
    if ((this.#state[slot]! & NONBLOCKING) === 0) this.#native.setNonBlocking(fd, 1)
    this.#state[slot]! |= NONBLOCKING | DIRECT
  }

  endDirect(connection: Wired): void {
    const { slot } = connection
    this.#state[slot]! &= ~DIRECT
    // What ended meanwhile could not be armed while the descriptor did not wait.
    if ((this.#state[slot]! & (RECEIVING | PAUSED | CLOSING)) === 0) this.#receive(connection)
  }

  whenWritable({ fd, slot, generation }: Wired): void {
    this.#state[slot]! |= WATCHING
    this.#ring.submissions.poll(fd, POLLOUT, 0, slot, (generation << kindBits) | WRITABLE)
  }

  later(connection: Wired): void {
    this.#later.push(connection)
  }

  pauseReceiving({ slot, generation }: Wired): void {
    this.#state[slot]! |= PAUSED
    if ((this.#state[slot]! & RECEIVING) === 0) return
    this.#ring.submissions.cancel(slot, (generation << kindBits) | RECEIVE, 0, 0, OTHER)
  }

  resumeReceiving(connection: Wired): void {
    const { slot } = connection
    this.#state[slot]! &= ~PAUSED
    if ((this.#state[slot]! & RECEIVING) === 0) this.#receive(connection)
  }

  close(connection: Wired, reset: boolean): void {
    const { fd, slot } = connection
    const native = this.#native
    this.#state[slot]! |= CLOSING
    if (reset) native.disconnect(fd)
    if ((this.#state[slot]! & ops) === 0) return this.#remove(connection)
    // Wakes whatever waits for the socket; what was sent before still goes out.
    native.shutdown(fd, native.SHUT_RDWR)
    this.#ring.submissions.cancelDescriptor(fd, 0, 0, OTHER)
  }

  #onAccept(result: number, flags: number): void {
    if ((flags & CQE_MORE) === 0) this.#accepting = false
    if (result >= 0) this.#accepted(result)
    // Where descriptors or memory are short the next tick tries again.
    if (!this.#accepting && (result >= 0 || result === -EAGAIN)) this.#accept()
  }

  #accepted(fd: number): void {
    const { counters } = this.#host!
    counters[CONNECTIONS]! += 1
    if (this.#table.count >= this.#connectionsMax || !this.#listening) {
      counters[CONNECTIONS_REFUSED]! += 1
      counters[CONNECTIONS_CLOSED]! += 1
      this.#native.close(fd)
      return
    }
    const connection = this.#table.open(this.#host!, fd)
    this.#state[connection.slot] = 0
    this.#receive(connection)
  }

  #onReceive(slot: number, generation: number, result: number, flags: number): void {
    const connection = this.#table.at(slot, generation)!
    const ended = (flags & CQE_MORE) === 0
    if (ended) this.#state[slot]! &= ~RECEIVING
    if ((flags & CQE_BUFFER) !== 0) {
      const buffers = this.#buffers
      const number = buffers.take(flags)
      const at = buffers.offset(number)
      if (!connection.closed) connection.onReceived(buffers.memory.bytes, at, at + result)
      buffers.give(number)
    }
    if (!ended) return
    const state = this.#state[slot]!
    if ((state & CLOSING) !== 0) {
      if ((state & ops) === 0) this.#remove(connection)
    } else if (result > 0 || result === -ENOBUFS || result === -ECANCELED || result === -EAGAIN) {
      if ((state & (PAUSED | DIRECT)) === 0) this.#receive(connection)
    } else if (result === 0) connection.onEnd()
    else connection.onGone(result)
  }

  #onSend(slot: number, generation: number, result: number): void {
    this.#state[slot]! &= ~SENDING
    this.#after(slot, generation)?.onSent(result)
  }

  #onWritable(slot: number, generation: number): void {
    this.#state[slot]! &= ~WATCHING
    this.#after(slot, generation)?.onWritable()
  }

  /** An operation ended → its connection, or null where that is closed: then it goes, if this was the last. */
  #after(slot: number, generation: number): Connection | null {
    const connection = this.#table.at(slot, generation)!
    const state = this.#state[slot]!
    if ((state & CLOSING) === 0) return connection
    if ((state & ops) === 0) this.#remove(connection)
    return null
  }

  #onTick(): void {
    this.#ticking = false
    this.#table.expire(this.#host!.clock.nowMs)
    if (!this.#accepting) this.#accept()
    this.#tick()
  }

  #tick(): void {
    if (this.#ticking) return
    this.#ticking = true
    this.#ring.submissions.timeout(tickMs, 0, 0, 0, TICK)
  }

  #accept(): void {
    if (!this.#listening) return
    this.#accepting = true
    const { SOCK_CLOEXEC } = this.#native
    this.#ring.submissions.acceptMultishot(this.#listener, SOCK_CLOEXEC, AS_DESCRIPTOR, 0, ACCEPT)
  }

  #receive(connection: Wired): void {
    const { fd, slot, generation } = connection
    if ((this.#state[slot]! & NONBLOCKING) !== 0) {
      this.#native.setNonBlocking(fd, 0)
      this.#state[slot]! &= ~NONBLOCKING
    }
    this.#state[slot]! |= RECEIVING
    this.#ring.submissions.recvMultishot(fd, this.#buffers.group, 0, slot, (generation << kindBits) | RECEIVE)
  }

  /** For what is sent from now on. */
  #register(slot: number, fd: number): void {
    if (!this.#registers) return
    this.#registers = succeeds(() => this.#ring.files.set(slot, fd))
    if (this.#registers) this.#state[slot]! |= REGISTERED
  }

  #remove(connection: Wired): void {
    this.#host!.counters[CONNECTIONS_CLOSED]! += 1
    // The slot holds the socket open, too.
    if ((this.#state[connection.slot]! & REGISTERED) !== 0) this.#ring.files.clear(connection.slot)
    this.#native.close(connection.fd)
    connection.onClosed()
    this.#table.remove(connection)
  }
}

/** Whether the machine allows it: there may be no more slots than a process may have descriptors. */
function succeeds(register: () => void): boolean {
  try {
    register()
    return true
  } catch (error) {
    if (error instanceof SluiceError) return false
    throw error
  }
}
