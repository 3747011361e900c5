/** A server that `sluice serve` runs, whatever it runs on. */
import { hostAndPort } from '../native/socket-address.js'
import type { CounterValues } from '../server/counters.js'

export interface Serving {
  /** Where it listens, as in `http://127.0.0.1:8080`. */
  readonly origin: string
  readonly engine: 'ring' | 'poll' | 'node'
  readonly threads: number
  /** Why it is not what `auto` would rather have; empty where it is. */
  readonly missing: string
  readonly counters: CounterValues
  /** Lets what is being answered go on for so long → how many connections were cut off then. */
  close(graceMs: number): Promise<number>
}

export interface ServingOptions {
  host: string
  port: number
  threads: number
  listing: boolean
  spa: boolean
  /** Seconds. */
  maxAge: number
  /** Whether a line for every answer goes to standard output. */
  log: boolean
}

export function originOf({ address, port }: { address: string; port: number }): string {
  return `http://${hostAndPort(address, port)}`
}
