/** What a proxy shows of itself. */
import type { SocketAddress } from './address.js'
import type { ProxyCounters } from './counters.js'
import type { ProxyOptions } from './options.js'

export interface TcpProxy extends AsyncDisposable {
  /** Where it listens. */
  readonly address: SocketAddress
  /** What it has done since it began. */
  readonly counters: ProxyCounters
  readonly upstreams: readonly UpstreamStatus[]
  /**
   * New connections go by these options from now on; those that are open go on as they are. Upstreams that are no
   * longer there end their connections in their own time.
   *
   * @throws ERR_SLUICE_OPTION where an option is wrong, or `listen` is another, and ERR_SLUICE_CLOSED once `close` was
   *   called: nothing has changed then
   */
  reload(options: ProxyOptions): Promise<void>
  /**
   * Accepts no more connections; those that are open may end for as long as `graceMs`, 0 if not given → how many were
   * cut off then. Every call returns the same promise.
   */
  close(options?: { graceMs?: number }): Promise<number>
}

export type UpstreamState = 'up' | 'down' | 'draining'

/** An upstream as it stands. */
export interface UpstreamStatus {
  /** The name of `sni` that it serves; empty for the upstreams of everybody else. */
  readonly route: string
  /** As the options name it. */
  readonly name: string
  /** As it is connected to, such as `127.0.0.1:5432`; empty where a name has no address. */
  readonly address: string
  readonly state: UpstreamState
  /** Why it is down; empty where it is not. */
  readonly why: string
  readonly weight: number
  readonly backup: boolean
  /** Connections that are open or being opened. */
  readonly open: number
  /** Connections that were made, and that could not be, since it is there. */
  readonly connected: number
  readonly failed: number
}
