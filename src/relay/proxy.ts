/** `createProxy(options)`: a TCP proxy that splices, with everything that decides where a connection goes. */
import { performance } from 'node:perf_hooks'
import { asyncDispose } from '../base/dispose.js'
import { SluiceError } from '../base/errors.js'
import { defaultEngine, engineMissing } from '../engine/default.js'
import type { Engine } from '../engine/engine.js'
import type { Native } from '../native/calls.js'
import { native as loaded } from '../native/load.js'
import { Acceptor } from './acceptor.js'
import type { SocketAddress } from './address.js'
import { Arrival, type ArrivalHost } from './arrival.js'
import { isEndHeard, tellEnd } from './connection-channel.js'
import type { ConnectionEnd, Ending, Traffic } from './connection-end.js'
import {
  BAD_HELLOS,
  CONNECTIONS,
  CONNECTIONS_CLOSED,
  CONNECTS_FAILED,
  DENIED,
  MIRRORS_FAILED,
  type ProxyCounterRow,
  type ProxyCounters,
  proxyCounterRow,
  QUEUED,
  REFUSED,
  RESETS,
  RETRIES,
  readProxyCounters,
  TIMEOUTS,
  TO_CLIENT_COPIED,
  TO_CLIENT_SPLICED,
  TO_UPSTREAM_COPIED,
  TO_UPSTREAM_SPLICED,
  UNROUTED,
} from './counters.js'
import { publishProxyCounters } from './counters-channel.js'
import type { Direction } from './direction.js'
import { openProxyListener, removeName } from './listener.js'
import { type ConnectionMirrors, Mirrors, noMirrors } from './mirrors.js'
import type { ProxyOptions } from './options.js'
import { type PassageHost, passageHost } from './passage.js'
import type { TcpProxy, UpstreamStatus } from './proxy-types.js'
import { resolveProxyOptions } from './resolve-options.js'
import { Routing } from './routing.js'
import { Session } from './session.js'
import { TimeLimits } from './time-limits.js'
import type { Upstream } from './upstream.js'

/**
 * Accepts connections and passes each on to an upstream, by splice(2) where it is bulk. Listens when this resolves.
 *
 * @throws ERR_SLUICE_OPTION; ERR_SLUICE_LISTEN; ERR_SLUICE_ADDON
 */
export async function createProxy(options: ProxyOptions): Promise<TcpProxy> {
  const settings = resolveProxyOptions(options)
  const engine = defaultEngine()
  if (loaded === null || engine === null)
    throw new SluiceError('ERR_SLUICE_ADDON', `Opening a proxy: ${engineMissing()}`)
  const listener = await openProxyListener(loaded, settings.listen)
  try {
    const routing = await Routing.open(settings)
    return new SplicingProxy(loaded, engine, routing, listener)
  } catch (error) {
    loaded.close(listener.fd)
    throw error
  }
}

/** What a session came from, for when it has ended. */
interface Origin {
  readonly arrival: Arrival
  readonly upstream: Upstream
}

class SplicingProxy implements TcpProxy, ArrivalHost {
  readonly native: Native
  readonly engine: Engine
  readonly routing: Routing
  readonly address: SocketAddress
  readonly #acceptor: Acceptor
  readonly #passages: PassageHost
  readonly #row = proxyCounterRow()
  readonly #mirrors: Mirrors
  readonly #arrivals = new Set<Arrival>()
  readonly #sessions = new Map<Session, Origin>()
  readonly #limits: TimeLimits
  readonly #stopPublishing: () => void
  #draining = false
  /** The time to end is over. */
  #cutting = false
  #closed: Promise<number> | null = null
  #whenEmpty: (() => void) | null = null

  constructor(
    native: Native,
    engine: Engine,
    routing: Routing,
    { fd, address }: { fd: number; address: SocketAddress },
  ) {
    this.native = native
    this.engine = engine
    this.routing = routing
    this.address = address
    this.#passages = passageHost(native, engine)
    this.#mirrors = new Mirrors(native, engine, this.#row)
    this.#acceptor = new Acceptor(native, engine, fd, client => this.#onConnection(client))
    this.#limits = new TimeLimits(this.#sessions, routing.settings)
    this.#stopPublishing = publishProxyCounters(this)
    this.#acceptor.begin()
  }

  /** Bytes of connections that are open are in it too. */
  get counters(): ProxyCounters {
    const row = this.#row.slice()
    for (const session of this.#sessions.keys()) addBytes(row, session)
    return readProxyCounters(row)
  }

  get upstreams(): readonly UpstreamStatus[] {
    return this.routing.upstreams
  }

  async reload(options: ProxyOptions): Promise<void> {
    const settings = resolveProxyOptions(options)
    if (this.#closed !== null)
      throw new SluiceError('ERR_SLUICE_CLOSED', 'A proxy that is being closed cannot be reloaded')
    await this.routing.reload(settings)
    if (this.#closed !== null) return
    this.#limits.limits = this.routing.settings
    this.#admit()
  }

  close({ graceMs = 0 }: { graceMs?: number } = {}): Promise<number> {
    this.#closed ??= this.#close(graceMs)
    return this.#closed
  }

  async [asyncDispose](): Promise<void> {
    await this.close()
  }

  onConnected(arrival: Arrival, upstream: Upstream, fd: number): void {
    const { mirror, connectMs } = this.routing.settings
    if (mirror === null) return this.#pass(arrival, upstream, fd, noMirrors)
    this.#mirrors
      .open(arrival, mirror, this.routing.mirror, connectMs)
      .then(mirrors => this.#pass(arrival, upstream, fd, mirrors))
  }

  /** `mirrors` is null where one could not be had that the connection is to wait for. */
  #pass(arrival: Arrival, upstream: Upstream, fd: number, mirrors: ConnectionMirrors | null): void {
    this.#arrivals.delete(arrival)
    this.#mirrors.unreserve(arrival)
    const session = new Session(
      this.#passages,
      {
        client: arrival.fd,
        upstream: fd,
        clientIsTcp: !('path' in this.address),
        upstreamIsTcp: !('path' in upstream.address),
        mirrors: mirrors ?? noMirrors,
      },
      performance.now(),
      (ended, ending) => this.#onEnded(ended, ending),
    )
    this.#countAttempts(arrival)
    this.#sessions.set(session, { arrival, upstream })
    if (mirrors === null) return session.cut('mirror failed')
    session.begin()
    // Its mirrors were being opened when the others were cut off.
    if (this.#cutting) session.cut('drained')
  }

  onTurnedAway(arrival: Arrival, ending: Ending): void {
    this.#arrivals.delete(arrival)
    this.#mirrors.unreserve(arrival)
    this.#countAttempts(arrival)
    const counter = turnedAway[ending]
    if (counter !== undefined) this.#row[counter]! += 1
    this.#over({ arrival, upstream: null, ending, session: null })
  }

  #onConnection(fd: number): void {
    this.#row[CONNECTIONS]! += 1
    const arrival = new Arrival(this, fd)
    this.#arrivals.add(arrival)
    this.#mirrors.reserve(arrival, this.routing.settings.mirror)
    if (this.#open >= this.routing.settings.connectionsMax) this.#acceptor.pause()
    arrival.begin()
  }

  #onEnded(session: Session, ending: Ending): void {
    const { arrival, upstream } = this.#sessions.get(session)!
    this.#sessions.delete(session)
    addBytes(this.#row, session)
    if (ending === 'client reset' || ending === 'upstream reset') this.#row[RESETS]! += 1
    if (ending === 'idle' || ending === 'half-closed' || ending === 'lifetime') this.#row[TIMEOUTS]! += 1
    if (ending === 'mirror failed') this.#row[MIRRORS_FAILED]! += 1
    upstream.release()
    this.#over({ arrival, upstream, ending, session })
  }

  #over(over: Over): void {
    this.#row[CONNECTIONS_CLOSED]! += 1
    const { settings } = this.routing
    if (isEndHeard(settings)) tellEnd(settings, connectionEnd(over))
    this.#admit()
    if (this.#open === 0) this.#whenEmpty?.()
  }

  get #open(): number {
    return this.#arrivals.size + this.#sessions.size
  }

  /** Accepts again where there is room. */
  #admit(): void {
    if (!this.#draining && this.#open < this.routing.settings.connectionsMax) this.#acceptor.resume()
  }

  #countAttempts({ attempts, queued, tried }: Arrival): void {
    this.#row[CONNECTS_FAILED]! += tried.length
    this.#row[RETRIES]! += Math.max(attempts - 1, 0)
    if (queued) this.#row[QUEUED]! += 1
  }

  async #close(graceMs: number): Promise<number> {
    this.#draining = true
    // Now, and not when the last connection has ended: another proxy may listen there by then.
    removeName(this.address)
    this.#acceptor.close()
    let cut = 0
    if (this.#open > 0) {
      const timer = setTimeout(() => {
        this.#cutting = true
        cut = this.#open
        for (const session of [...this.#sessions.keys()]) session.cut('drained')
        for (const arrival of [...this.#arrivals]) arrival.turnAway('drained')
      }, graceMs)
      await new Promise<void>(resolve => {
        this.#whenEmpty = resolve
      })
      clearTimeout(timer)
    }
    this.#limits.close()
    this.#stopPublishing()
    this.routing.close()
    return cut
  }
}

/** The counter of those that were turned away. */
const turnedAway: Partial<Record<Ending, number>> = {
  denied: DENIED,
  'bad PROXY header': BAD_HELLOS,
  'bad ClientHello': BAD_HELLOS,
  'hello timeout': BAD_HELLOS,
  'no route': UNROUTED,
  'no upstream': REFUSED,
  'queue full': REFUSED,
  'queue timeout': REFUSED,
  'connect failed': REFUSED,
}

function addBytes(row: ProxyCounterRow, { toUpstream, toClient }: Session): void {
  row[TO_UPSTREAM_SPLICED]! += toUpstream.spliced
  row[TO_UPSTREAM_COPIED]! += toUpstream.copied
  row[TO_CLIENT_SPLICED]! += toClient.spliced
  row[TO_CLIENT_COPIED]! += toClient.copied
}

interface Over {
  readonly arrival: Arrival
  readonly upstream: Upstream | null
  readonly ending: Ending
  readonly session: Session | null
}

function connectionEnd({ arrival, upstream, ending, session }: Over): ConnectionEnd {
  return {
    client: arrival.source,
    serverName: arrival.serverName,
    upstream: upstream?.address ?? null,
    beganMs: arrival.beganMs,
    ms: Date.now() - arrival.beganMs,
    queueMs: arrival.queuedMs,
    connectMs: arrival.connectMs,
    attempts: arrival.attempts,
    toUpstream: trafficOf(session?.toUpstream),
    toClient: trafficOf(session?.toClient),
    ending,
  }
}

function trafficOf(direction: Direction | undefined): Traffic {
  return { spliced: direction?.spliced ?? 0, copied: direction?.copied ?? 0 }
}
