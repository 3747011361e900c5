/** What goes through a proxy, and the end behind it: bench/traffic, started from here. */
import { optionArguments, type Placing, runGenerator } from '../measure/generator.js'
import { type Server, startServer } from '../measure/server.js'
import { compileProgram } from '../programs.js'

/**
 * `send`: bulk from the client; `receive`: bulk to the client; `exchange`: messages that come back, the next after each;
 * `connect`: the same, with a new connection for each.
 */
export type TrafficKind = 'send' | 'receive' | 'exchange' | 'connect'

export interface Traffic {
  kind: TrafficKind
  connections: number
  /** Of a message. */
  bytes?: number
  /** Bytes of a stream that is sent, after which comes the next; without it there is one for the whole time. */
  stream?: number
}

export interface TrafficResult {
  /** Answered in full; streams where they are of a given length. */
  messages: number
  /** Of bulk, counted alike at both ends; or of messages, in one direction. */
  bytes: number
  /** From the first connect to the last answer, or to when both ends had counted. */
  seconds: number
  /** CPU time of the client's end. */
  cpuMs: number
  errors: Record<TrafficError, number>
  /** Of messages, until the whole answer is there; of `connect` from connecting on. */
  latencyUs: Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>
}

/** What can go wrong with a connection; bench/traffic/traffic.h says when each is counted. */
export type TrafficError = 'connect' | 'reset' | 'short' | 'wrong' | 'timeout'

export function startUpstream(core: number, signal: AbortSignal): Promise<Server> {
  return startServer({ argv: [compileProgram('traffic'), 'upstream'] }, core, signal)
}

export interface TrafficLimits {
  /** Of the proxy, on 127.0.0.1. */
  port: number
  /** After this time nothing is begun; what is in flight is finished. */
  seconds: number
  /** Seconds of silence that fail a connection; 10 where not given. */
  timeout?: number
}

export async function runTraffic(
  { kind, connections, bytes, stream }: Traffic,
  { port, seconds, timeout }: TrafficLimits,
  placing: Placing,
): Promise<TrafficResult> {
  const options = optionArguments({ port, connections, bytes, stream, seconds, timeout })
  return (await runGenerator([compileProgram('traffic'), kind, ...options], placing)) as TrafficResult
}

/** Bulk counts by its bytes, all others by messages. */
export function isBulk({ kind }: { kind: TrafficKind }): boolean {
  return kind === 'send' || kind === 'receive'
}
