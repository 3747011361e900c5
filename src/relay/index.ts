/** The subpath entry `sluice/proxy`: a TCP proxy and traffic mirror. */
export type { SocketAddress, UnixAddress } from './address.js'
export { type ProxyFile, parseProxyFile, readProxyFile } from './config-file.js'
export { connectionChannel } from './connection-channel.js'
export type { ConnectionEnd, Ending, Traffic } from './connection-end.js'
export { connectionLine } from './connection-line.js'
export type { ProxyCounters } from './counters.js'
export { type ProxyCountersMessage, proxyCountersChannel } from './counters-channel.js'
export { proxyMetrics } from './metrics.js'
export type {
  AccessRule,
  Balance,
  CheckOptions,
  MirrorOptions,
  ProxyOptions,
  UpstreamList,
  UpstreamOptions,
} from './options.js'
export { createProxy } from './proxy.js'
export type { TcpProxy, UpstreamState, UpstreamStatus } from './proxy-types.js'
export { type RelayOptions, type RelayResult, relay } from './relay.js'
export { upstreamChannel } from './upstream-channel.js'
