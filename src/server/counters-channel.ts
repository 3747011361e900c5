/** A server's counters on `diagnostics_channel`: once a second, and only where somebody listens. */
import { channel } from 'node:diagnostics_channel'
import type { CounterValues } from './counters.js'

/** What is published: `{ server, counters }`, a `CountersMessage`. */
export const countersChannel = 'sluice:server:counters'

const everyMs = 1000

interface Counted {
  readonly counters: CounterValues
}

export interface CountersMessage {
  /** The FileServer. */
  readonly server: Counted
  /** What it has done since it began. */
  readonly counters: CounterValues
}

/** Publishes from now on → ends that, with what was counted last. */
export function publishCounters(server: Counted): () => void {
  const published = channel(countersChannel)
  const publish = (): void => {
    if (published.hasSubscribers) published.publish({ server, counters: server.counters } as CountersMessage)
  }
  const timer = setInterval(publish, everyMs).unref()
  return () => {
    clearInterval(timer)
    publish()
  }
}
