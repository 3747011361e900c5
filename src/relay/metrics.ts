/** A proxy's counters and upstreams for Prometheus. */
import { type Metric, prometheusText, type Sample, snakeCase } from '../base/prometheus.js'
import { type ProxyCounterName, proxyCounterNames } from './counters.js'
import type { TcpProxy, UpstreamStatus } from './proxy-types.js'

/** Those that are told together, as one metric with labels, are not here. */
const help: Record<Exclude<ProxyCounterName, keyof typeof byteLabels>, string> = {
  connections: 'Connections accepted.',
  connectionsClosed: 'Connections that have ended.',
  denied: 'Clients that the access rules refused.',
  badHellos: 'Clients whose PROXY header or ClientHello was malformed or late.',
  unrouted: 'Clients that asked for a name that leads nowhere.',
  refused: 'Clients for whom there was no upstream, or no turn in time.',
  queued: 'Clients that waited for a place at an upstream.',
  connectsFailed: 'Connects to upstreams that failed.',
  retries: 'Connects that followed one that failed.',
  timeouts: 'Connections ended as they were idle, half-closed or open for too long.',
  resets: 'Connections that one end reset.',
  mirroredBytes: 'Bytes sent to mirrors.',
  mirrorsDropped: 'Mirrors given up, as they were slow or had gone.',
  mirrorsFailed: 'Connections ended as the mirror that they wait for could not be had, or failed.',
}

const byteLabels = {
  toUpstreamSpliced: { to: 'upstream', by: 'splice' },
  toUpstreamCopied: { to: 'upstream', by: 'copy' },
  toClientSpliced: { to: 'client', by: 'splice' },
  toClientCopied: { to: 'client', by: 'copy' },
} as const

export function proxyMetrics({ counters, upstreams }: Pick<TcpProxy, 'counters' | 'upstreams'>): string {
  const counted = proxyCounterNames.flatMap((name): Metric[] => {
    if (isBytes(name)) return []
    return [counter(snakeCase(name), help[name], [{ value: counters[name] }])]
  })
  const bytes = Object.entries(byteLabels).map(([name, labels]) => ({
    labels,
    value: counters[name as keyof typeof byteLabels],
  }))
  const open = counters.connections - counters.connectionsClosed
  return prometheusText([
    ...counted,
    counter('bytes', 'Bytes passed on, by direction and by how.', bytes),
    gauge('connections_open', 'Connections that are open.', [{ value: open }]),
    gauge(
      'upstream_up',
      'Whether the upstream is up.',
      each(upstreams, ({ state }) => Number(state === 'up')),
    ),
    gauge(
      'upstream_connections_open',
      'Connections to the upstream.',
      each(upstreams, ({ open }) => open),
    ),
    counter(
      'upstream_connects',
      'Connects to the upstream that succeeded.',
      each(upstreams, ({ connected }) => connected),
    ),
    counter(
      'upstream_connects_failed',
      'Connects to the upstream that failed.',
      each(upstreams, ({ failed }) => failed),
    ),
  ])
}

function isBytes(name: ProxyCounterName): name is keyof typeof byteLabels {
  return name in byteLabels
}

function counter(name: string, says: string, samples: readonly Sample[]): Metric {
  return { name: `sluice_proxy_${name}_total`, help: says, type: 'counter', samples }
}

function gauge(name: string, says: string, samples: readonly Sample[]): Metric {
  return { name: `sluice_proxy_${name}`, help: says, type: 'gauge', samples }
}

function each(upstreams: readonly UpstreamStatus[], value: (upstream: UpstreamStatus) => number): Sample[] {
  return upstreams.map(upstream => {
    const { route, name, address } = upstream
    return { labels: { route, name, address }, value: value(upstream) }
  })
}
