/**
 * Hot: connections on an epoll set (epoll(7)) in which the thread itself waits. Every socket is in it once,
 * edge-triggered and for both directions, and no call on it waits.
 *
 * An edge is told of once: what is not received then, as the connection is paused or has had its share, is remembered
 * as unread.
 */
import { constants } from 'node:os'
import { systemError } from '../base/errors.js'
import { KiB } from '../base/units.js'
import type { Native } from '../native/calls.js'
import { closerOf } from '../native/own.js'
import type { ConnectionTable } from './connection-table.js'
import { CONNECTIONS, CONNECTIONS_CLOSED, CONNECTIONS_REFUSED } from './counters.js'
import type { Host } from './host.js'
import type { ThreadWire } from './thread-wire.js'
import type { Wired } from './wire.js'

const eventsMax = 256
const eventWords = 3
/** What events are tagged with that are no connection's: its place is far smaller. */
const listenerTag = 0xffffffff
const loopTag = 0xfffffffe

/** How often deadlines are looked at, in milliseconds. */
const tickMs = 250
/** All connections receive into the same buffer: what is not answered at once is copied out of it. */
const receiveBytes = 16 * KiB
/** How often one connection receives, and how many are accepted, before the others have their turn. */
const receivesMax = 4
const acceptsMax = 64

const { EAGAIN, ECONNABORTED, EINTR } = constants.errno

/** By place: what a connection waits for, and what is known of its socket. */
const WRITING = 1
const PAUSED = 2
const UNREAD = 4
/** The peer's end, or an error, was told of and is behind what can be received. */
const ENDING = 8
const ENDED = 16

export interface PollWireOptions {
  native: Native
  listener: number
  /** The epoll descriptor of Node's loop, which is looked after while the thread waits. */
  loop: number
  table: ConnectionTable
  connectionsMax: number
}

export class PollWire implements ThreadWire {
  readonly name = 'poll'
  readonly #native: Native
  readonly #epoll: number
  readonly #closeEpoll: () => void
  readonly #listener: number
  readonly #loop: number
  readonly #table: ConnectionTable
  readonly #connectionsMax: number
  readonly #state: Uint8Array
  /** Events that tell of the peer's end or of an error, and those after which it is to be received, or sent. */
  readonly #endings: number
  readonly #readable: number
  readonly #writable: number
  readonly #events = new Uint32Array(eventsMax * eventWords)
  readonly #received = new Uint8Array(receiveBytes)
  #host: Host | null = null
  #eventCount = 0
  #later: Wired[] = []
  #unread: Wired[] = []
  #listening = true
  /** Connections may be there to be accepted. */
  #acceptable = false
  #tickAtMs = 0
  loopReady = false

  /** @throws ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_MEMORY */
  constructor({ native, listener, loop, table, connectionsMax }: PollWireOptions) {
    this.#native = native
    this.#listener = listener
    this.#loop = loop
    this.#table = table
    this.#connectionsMax = connectionsMax
    // Places are used again only once they are free: there are never more of them than connections at a time.
    this.#state = new Uint8Array(connectionsMax)
    const epoll = native.epollCreate()
    if (epoll < 0) throw systemError(epoll, 'epoll_create1', 'Opening a server')
    this.#epoll = epoll
    this.#closeEpoll = closerOf(native, epoll)
    const { EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP, EPOLLET, EPOLLONESHOT } = native
    this.#endings = EPOLLRDHUP | EPOLLERR | EPOLLHUP
    this.#readable = EPOLLIN | this.#endings
    this.#writable = EPOLLOUT | EPOLLERR | EPOLLHUP
    native.setNonBlocking(listener, 1)
    this.#watch(listener, EPOLLIN | EPOLLET, listenerTag)
    this.#watch(loop, EPOLLIN | EPOLLONESHOT, loopTag)
  }

  begin(host: Host): void {
    this.#host = host
  }

  stopAccepting(): void {
    this.#listening = false
    this.#acceptable = false
    this.#native.epollControl(this.#epoll, this.#native.EPOLL_CTL_DEL, this.#listener, 0, 0, 0)
  }

  watchLoop(): void {
    this.loopReady = false
    const { EPOLL_CTL_MOD, EPOLLIN, EPOLLONESHOT } = this.#native
    this.#native.epollControl(this.#epoll, EPOLL_CTL_MOD, this.#loop, EPOLLIN | EPOLLONESHOT, loopTag, 0)
  }

  wait(ms: number): void {
    const more = this.#later.length > 0 || this.#unread.length > 0 || this.#acceptable
    const count = this.#native.epollWaitFor(this.#epoll, this.#events, more ? 0 : ms)
    if (count < 0 && count !== -EINTR) throw systemError(count, 'epoll_wait', 'Waiting for connections')
    this.#eventCount = Math.max(0, count)
  }

  react(): void {
    const events = this.#events
    for (let at = 0; at < this.#eventCount * eventWords; at += eventWords) {
      const tag = events[at + 1]!
      if (tag === listenerTag) this.#acceptable = this.#listening
      else if (tag === loopTag) this.loopReady = true
      else this.#onEvent(events[at]!, tag, events[at + 2]!)
    }
    if (this.#acceptable) this.#accept()
    this.#runLater()
    if (this.#host!.clock.nowMs >= this.#tickAtMs) this.#onTick()
  }

  async end(): Promise<void> {
    this.#closeEpoll()
  }

  send({ fd }: Wired, offset: number, length: number): number {
    return this.#native.sendRange(fd, this.#host!.arena.bytes, offset, length, 0)
  }

  /** The descriptors never wait. */
  beginDirect(): void {}
  endDirect(): void {}

  whenWritable({ slot }: Wired): void {
    this.#state[slot]! |= WRITING
  }

  later(connection: Wired): void {
    this.#later.push(connection)
  }

  pauseReceiving({ slot }: Wired): void {
    this.#state[slot]! |= PAUSED
  }

  resumeReceiving(connection: Wired): void {
    const { slot } = connection
    this.#state[slot]! &= ~PAUSED
    // Not from here: the connection is in the middle of something.
    if ((this.#state[slot]! & UNREAD) !== 0) this.#unread.push(connection)
  }

  close(connection: Wired, reset: boolean): void {
    const native = this.#native
    if (reset) native.disconnect(connection.fd)
    this.#host!.counters[CONNECTIONS_CLOSED]! += 1
    // It leaves the set by itself: nobody else has the socket.
    native.close(connection.fd)
    connection.onClosed()
    this.#table.remove(connection)
  }

  #onEvent(mask: number, slot: number, generation: number): void {
    const connection = this.#table.at(slot, generation)
    if (connection === null) return
    if ((mask & this.#endings) !== 0) this.#state[slot]! |= ENDING
    if ((mask & this.#writable) !== 0 && (this.#state[slot]! & WRITING) !== 0) {
      this.#state[slot]! &= ~WRITING
      connection.onWritable()
      if (connection.closed) return
    }
    if ((mask & this.#readable) !== 0) this.#receive(connection)
  }

  #receive(connection: Wired): void {
    const { fd, slot } = connection
    const states = this.#state
    if ((states[slot]! & ENDED) !== 0) return
    states[slot]! |= UNREAD
    for (let turn = 0; turn < receivesMax; turn++) {
      if ((states[slot]! & PAUSED) !== 0) return
      const count = this.#native.recv(fd, this.#received, 0)
      if (count === -EINTR) continue
      if (count === -EAGAIN) {
        states[slot]! &= ~UNREAD
        return
      }
      if (count <= 0) {
        states[slot]! |= ENDED
        return count === 0 ? connection.onEnd() : connection.onGone(count)
      }
      connection.onReceived(this.#received, 0, count)
      if (connection.closed) return
      // There was no more, and what comes from now on is told of.
      if (count < receiveBytes && (states[slot]! & ENDING) === 0) {
        states[slot]! &= ~UNREAD
        return
      }
    }
    this.#unread.push(connection)
  }

  #runLater(): void {
    const unread = this.#unread
    const turn = this.#later
    if (unread.length === 0 && turn.length === 0) return
    this.#unread = []
    this.#later = []
    for (const connection of unread) if (!connection.closed) this.#receive(connection)
    for (const connection of turn) if (!connection.closed) connection.onTurn()
  }

  #accept(): void {
    const { SOCK_CLOEXEC, SOCK_NONBLOCK } = this.#native
    for (let count = 0; count < acceptsMax; count++) {
      const fd = this.#native.accept4(this.#listener, SOCK_CLOEXEC | SOCK_NONBLOCK)
      if (fd >= 0) this.#accepted(fd)
      else if (fd !== -EINTR && fd !== -ECONNABORTED) {
        // Nobody waits; or descriptors or memory are short, and the next tick tries again.
        this.#acceptable = false
        return
      }
    }
  }

  #accepted(fd: number): void {
    const native = this.#native
    const host = this.#host!
    host.counters[CONNECTIONS]! += 1
    if (this.#table.count >= this.#connectionsMax) return this.#refuse(fd)
    const connection = this.#table.open(host, fd)
    const { slot, generation } = connection
    this.#state[slot] = 0
    const mask = native.EPOLLIN | native.EPOLLOUT | native.EPOLLRDHUP | native.EPOLLET
    const watched = native.epollControl(this.#epoll, native.EPOLL_CTL_ADD, fd, mask, slot, generation)
    if (watched >= 0) return
    // Memory, or fs.epoll.max_user_watches.
    this.#table.remove(connection)
    this.#refuse(fd)
  }

  #refuse(fd: number): void {
    const { counters } = this.#host!
    counters[CONNECTIONS_REFUSED]! += 1
    counters[CONNECTIONS_CLOSED]! += 1
    this.#native.close(fd)
  }

  #onTick(): void {
    const { nowMs } = this.#host!.clock
    this.#tickAtMs = nowMs + tickMs
    this.#table.expire(nowMs)
    this.#acceptable = this.#listening
  }

  #watch(fd: number, mask: number, tag: number): void {
    const added = this.#native.epollControl(this.#epoll, this.#native.EPOLL_CTL_ADD, fd, mask, tag, 0)
    if (added < 0) throw systemError(added, 'epoll_ctl', 'Opening a server')
  }
}
