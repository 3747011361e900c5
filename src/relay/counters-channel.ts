/** A proxy's counters on `diagnostics_channel`. */
import { publishEverySecond } from '../base/published.js'
import type { ProxyCounters } from './counters.js'

/** What is published is a `ProxyCountersMessage`. */
export const proxyCountersChannel = 'sluice:proxy:counters'

interface Counted {
  readonly counters: ProxyCounters
}

export interface ProxyCountersMessage {
  /** The TcpProxy. */
  readonly proxy: Counted
  /** What it has done since it began. */
  readonly counters: ProxyCounters
}

/** Publishes once a second from now on → ends that, with what was counted last. */
export function publishProxyCounters(proxy: Counted): () => void {
  const message = (): ProxyCountersMessage => ({ proxy, counters: proxy.counters })
  return publishEverySecond(proxyCountersChannel, message)
}
