/**
 * A client from when it was accepted until it is connected to an upstream, or turned away:
 *
 *     allowed? ──▶ PROXY header ──▶ ClientHello ──▶ a place at an upstream ──▶ connected
 *                   (where expected)  (where names decide)   (or in the queue)   (or the next one)
 */
import { errnoName } from '../base/errors.js'
import type { Engine } from '../engine/engine.js'
import type { Native } from '../native/calls.js'
import type { SocketAddress } from './address.js'
import { clientHelloBytesMax, readServerName } from './client-hello.js'
import { isEndHeard } from './connection-channel.js'
import type { Ending } from './connection-end.js'
import { Connector } from './connector.js'
import type { ProxySettings } from './options.js'
import { Peek } from './peek.js'
import { proxyHeaderBytesMax, readProxyHeader, writeProxyHeader } from './proxy-header.js'
import type { Routing } from './routing.js'
import { isShortage, noteShortage, shortageMs } from './shortage.js'
import { addressFor, domainOf, hasLeft, localOf, peerOf } from './socket-ends.js'
import type { Upstream } from './upstream.js'
import type { UpstreamGroup, Waiter } from './upstreams.js'

/** How long to wait before an upstream is tried a second time for the same client. */
const retryMs = 200

/** Where what a client has sent is looked at: one for the whole thread, as nothing of it outlives a look. */
const looked = new Uint8Array(Math.max(proxyHeaderBytesMax, clientHelloBytesMax))

export interface ArrivalHost {
  readonly native: Native
  readonly engine: Engine
  readonly routing: Routing
  /** Connected: both descriptors are whose this is called on. The place at the upstream goes with them. */
  onConnected(arrival: Arrival, upstream: Upstream, fd: number): void
  /** Turned away; the client's descriptor is closed. */
  onTurnedAway(arrival: Arrival, ending: Ending): void
}

export class Arrival implements Waiter {
  readonly fd: number
  readonly beganMs = Date.now()
  readonly tried: Upstream[] = []
  /** Looked up when it is asked for first: often it is not. */
  #source: SocketAddress | null | undefined
  serverName: string | null = null
  attempts = 0
  /** Whether it had to wait for a place, and for how long. */
  queued = false
  queuedMs = 0
  connectMs = 0
  readonly #host: ArrivalHost
  readonly #settings: ProxySettings
  #destination: SocketAddress | null = null
  #group: UpstreamGroup | null = null
  #peek: Peek | null = null
  #connector: Connector | null = null
  #upstream: Upstream | null = null
  #timer: NodeJS.Timeout | null = null
  #queuedAtMs = 0
  #over = false

  /** Takes over the client's descriptor. */
  constructor(host: ArrivalHost, fd: number) {
    this.fd = fd
    this.#host = host
    this.#settings = host.routing.settings
  }

  /** Who it is: as connected, or as the PROXY header says. Not to be asked for the first time once `fd` is closed. */
  get source(): SocketAddress | null {
    if (this.#source === undefined) this.#source = peerOf(this.#host.native, this.fd)
    return this.#source
  }

  /** The client's address, as source-hash counts it. */
  get client(): string {
    return this.source !== null && 'address' in this.source ? this.source.address : ''
  }

  begin(): void {
    if (!this.#allowed()) return this.turnAway('denied')
    const { proxyIn, helloMs } = this.#settings
    const reads = proxyIn || this.#host.routing.readsServerName
    if (reads && Number.isFinite(helloMs))
      this.#timer = setTimeout(() => this.turnAway('hello timeout'), helloMs)
    if (proxyIn) this.#readHeader()
    else this.#readName()
  }

  placeFound(upstream: Upstream): void {
    this.#endWaiting()
    this.#upstream = upstream
    if (hasLeft(this.#host.native, this.fd)) return this.turnAway('client left')
    this.#connect(upstream)
  }

  placeRefused(why: 'queue timeout' | 'no upstream'): void {
    this.#endWaiting()
    this.turnAway(why)
  }

  /** Closes the client's connection. */
  turnAway(ending: Ending): void {
    if (this.#over) return
    this.#remember()
    this.#end()
    this.#group?.leave(this)
    this.#connector?.cancel()
    this.#upstream?.release()
    this.#host.native.close(this.fd)
    this.#host.onTurnedAway(this, ending)
  }

  #endWaiting(): void {
    this.queuedMs += Date.now() - this.#queuedAtMs
  }

  #allowed(): boolean {
    const { routing } = this.#host
    return routing.settings.access.length === 0 || routing.allows(this.source)
  }

  #readHeader(): void {
    this.#look((bytes, length) => {
      const header = readProxyHeader(bytes, length)
      if (header === 'incomplete') return false
      if (header === 'malformed') {
        this.turnAway('bad PROXY header')
        return true
      }
      this.#host.native.recv(this.fd, looked.subarray(0, header.bytes), this.#host.native.MSG_DONTWAIT)
      this.#source = header.source ?? this.source
      this.#destination = header.destination
      if (this.#allowed()) this.#readName()
      else this.turnAway('denied')
      return true
    })
  }

  #readName(): void {
    if (!this.#host.routing.readsServerName) return this.#route()
    this.#look((bytes, length) => {
      const found = readServerName(bytes, length)
      // What fills the buffer does not become complete by waiting.
      if (found.kind === 'incomplete' && length < looked.length) return false
      if (found.kind === 'malformed' || found.kind === 'incomplete') {
        this.turnAway('bad ClientHello')
        return true
      }
      if (found.kind === 'name') this.serverName = found.name
      this.#route()
      return true
    })
  }

  #look(look: (bytes: Uint8Array, length: number) => boolean): void {
    const { native, engine } = this.#host
    this.#peek = new Peek(native, engine, this.fd, looked, (bytes, length) => {
      if (length > 0) return look(bytes, length)
      this.turnAway('client left')
      return true
    })
    this.#peek.begin()
  }

  #route(): void {
    this.#clearTimer()
    this.#group = this.#host.routing.groupFor(this.serverName)
    if (this.#group === null) this.turnAway('no route')
    else this.#pick(this.#group)
  }

  #pick(group: UpstreamGroup): void {
    const picked = group.pick(this)
    if (picked === 'queued') {
      this.queued = true
      this.#queuedAtMs = Date.now()
    } else if (picked === 'no upstream' || picked === 'queue full') {
      this.turnAway(this.attempts > 0 ? 'connect failed' : picked)
    } else {
      this.#upstream = picked
      if (!this.tried.includes(picked)) return this.#connect(picked)
      this.#timer = setTimeout(() => this.#connect(picked), retryMs)
    }
  }

  #connect(upstream: Upstream): void {
    const { native, engine } = this.#host
    const began = Date.now()
    this.attempts++
    this.#clearTimer()
    const { connectMs } = this.#settings
    let timedOut = false
    const connector = new Connector(
      native,
      engine,
      { address: addressFor(native, upstream.address), domain: domainOf(native, upstream.address) },
      result => {
        this.#clearTimer()
        this.#connector = null
        this.connectMs += Date.now() - began
        if (this.#over) {
          if (result >= 0) native.close(result)
        } else if (result >= 0) this.#connected(upstream, result)
        else if (isShortage(result)) this.#connectLater(upstream, connectMs)
        else this.#failed(upstream, timedOut ? `no answer in ${connectMs} ms` : errnoName(result))
      },
    )
    this.#connector = connector
    connector.begin()
    if (this.#connector === connector && Number.isFinite(connectMs)) {
      this.#timer = setTimeout(() => {
        timedOut = true
        connector.cancel()
      }, connectMs)
    }
  }

  /** It keeps its place at the upstream, which has no part in this: nothing was attempted. */
  #connectLater(upstream: Upstream, withinMs: number): void {
    this.attempts--
    if (this.connectMs >= withinMs) return this.turnAway('connect failed')
    noteShortage()
    this.connectMs += shortageMs
    this.#timer = setTimeout(() => this.#connect(upstream), shortageMs)
  }

  #connected(upstream: Upstream, fd: number): void {
    upstream.connected()
    const { proxyOut } = this.#settings
    if (proxyOut !== 0) {
      const { native } = this.#host
      const destination = this.#destination ?? localOf(native, this.fd)
      const header = writeProxyHeader(proxyOut, { source: this.source, destination })
      const sent = native.send(fd, header, native.MSG_DONTWAIT)
      // A connection that is new takes more than this; one that does not is gone.
      if (sent !== header.length) {
        native.close(fd)
        return this.#failed(upstream, sent < 0 ? errnoName(sent) : 'it took no PROXY header')
      }
    }
    this.#end()
    this.#remember()
    this.#upstream = null
    this.#host.onConnected(this, upstream, fd)
  }

  #failed(upstream: Upstream, why: string): void {
    upstream.failed(why)
    this.#upstream = null
    this.tried.push(upstream)
    upstream.release()
    if (this.tried.length >= this.#settings.attemptsMax) return this.turnAway('connect failed')
    this.#pick(this.#group!)
  }

  /** What is told of the connection when it is over is still to be had now. */
  #remember(): void {
    if (isEndHeard(this.#settings)) void this.source
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #end(): void {
    this.#over = true
    this.#clearTimer()
    this.#peek?.stop()
  }
}
