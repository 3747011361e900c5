/** A proxy's counters on `diagnostics_channel`: once a second, and only where somebody listens. */
import { channel } from 'node:diagnostics_channel'
import type { ProxyCounters } from './counters.js'

/** What is published is a `ProxyCountersMessage`. */
export const proxyCountersChannel = 'sluice:proxy:counters'

const everyMs = 1000

interface Counted {
  readonly counters: ProxyCounters
}

export interface ProxyCountersMessage {
  /** The TcpProxy. */
  readonly proxy: Counted
  /** What it has done since it began. */
  readonly counters: ProxyCounters
}

/** Publishes from now on → ends that, with what was counted last. */
export function publishProxyCounters(proxy: Counted): () => void {
  const published = channel(proxyCountersChannel)
  const publish = (): void => {
    if (!published.hasSubscribers) return
    const message: ProxyCountersMessage = { proxy, counters: proxy.counters }
    published.publish(message)
  }
  const timer = setInterval(publish, everyMs).unref()
  return () => {
    clearInterval(timer)
    publish()
  }
}
