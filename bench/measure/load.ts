/** Runs the load generator (bench/client) once against a server and reads its one line of result. */
import { compileProgram } from '../programs.js'
import { optionArguments, runGenerator } from './generator.js'

/** How requests are made; the same for every server of a case. */
export interface Load {
  /** The request target, such as `/64-kib.bin`. */
  path: string
  connections: number
  /** Requests that a connection may have unanswered; 1 where not given. */
  pipeline?: number
  /** Requests per second on a fixed schedule; as fast as answers come where not given. */
  rate?: number
  /** What Content-Length must say in every answer. */
  length?: number
}

export interface LoadLimits {
  /** No request is issued after this time; those in flight are finished. */
  seconds: number
  requests?: number
  /** Silence that fails a connection; 10 where not given. */
  timeoutSeconds?: number
}

export interface LoadResult {
  requests: number
  /** Of the bodies. */
  bytes: number
  /** From the first request to the last answer. */
  seconds: number
  /** CPU time of the load generator itself. */
  cpuMs: number
  reconnects: number
  /** Requests of a fixed rate that were due and could not be issued. */
  missed: number
  errors: Record<LoadError, number>
  latencyUs: Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>
}

/** What can go wrong with a request; bench/client/client.h says when each is counted. */
export type LoadError = 'connect' | 'reset' | 'short' | 'protocol' | 'status' | 'length' | 'timeout'

export interface LoadTarget {
  /** On 127.0.0.1. */
  port: number
  /** The core that the load generator runs on; any where not given. */
  core?: number
  signal?: AbortSignal
}

export async function runLoad(load: Load, limits: LoadLimits, target: LoadTarget): Promise<LoadResult> {
  const options = {
    port: target.port,
    path: load.path,
    connections: load.connections,
    pipeline: load.pipeline,
    rate: load.rate,
    length: load.length,
    seconds: limits.seconds,
    requests: limits.requests,
    timeout: limits.timeoutSeconds,
  }
  const args = optionArguments(options)
  return (await runGenerator([compileProgram('client'), ...args], target)) as LoadResult
}

/** The errors of a result as words, such as `3 short, 1 reset`; empty where there were none. */
export function describeErrors(errors: Readonly<Record<string, number>>): string {
  return Object.entries(errors)
    .filter(([, count]) => count > 0)
    .map(([error, count]) => `${count} ${error}`)
    .join(', ')
}
