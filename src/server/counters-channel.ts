/** A server's counters on `diagnostics_channel`. */
import { publishEverySecond } from '../base/published.js'
import type { CounterValues } from './counters.js'

/** What is published is a `CountersMessage`. */
export const countersChannel = 'sluice:server:counters'

interface Counted {
  readonly counters: CounterValues
}

export interface CountersMessage {
  /** The FileServer. */
  readonly server: Counted
  /** What it has done since it began. */
  readonly counters: CounterValues
}

/** Publishes once a second from now on → ends that, with what was counted last. */
export function publishCounters(server: Counted): () => void {
  const message = (): CountersMessage => ({ server, counters: server.counters })
  return publishEverySecond(countersChannel, message)
}
