/** What is told of a connection that is over. */
import type { SocketAddress } from './address.js'

/** How a connection ended. */
export const endings = [
  'ended',
  'client reset',
  'upstream reset',
  'idle',
  'half-closed',
  'lifetime',
  'drained',
  'denied',
  'bad PROXY header',
  'bad ClientHello',
  'hello timeout',
  'no route',
  'no upstream',
  'queue full',
  'queue timeout',
  'connect failed',
  'client left',
  'mirror failed',
  'error',
] as const
export type Ending = (typeof endings)[number]

/** Bytes that went in one direction, by how. */
export interface Traffic {
  readonly spliced: number
  readonly copied: number
}

/** A connection that is over: what the access log has of it. */
export interface ConnectionEnd {
  /** Who connected, or as its PROXY header says; null where there was no telling. */
  readonly client: SocketAddress | null
  /** The name that a TLS client asked for; null where none was looked for or sent. */
  readonly serverName: string | null
  /** Where it went; null where it went nowhere. */
  readonly upstream: SocketAddress | null
  /** When it was accepted, in milliseconds since 1970. */
  readonly beganMs: number
  /** Its whole time, and the parts of it that it waited for a place and for the upstream, in milliseconds. */
  readonly ms: number
  readonly queueMs: number
  readonly connectMs: number
  /** Upstreams that were tried. */
  readonly attempts: number
  readonly toUpstream: Traffic
  readonly toClient: Traffic
  readonly ending: Ending
}
