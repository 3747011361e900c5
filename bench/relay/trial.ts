/** The trial of proxies: which ones, what goes through them, and what the result must come to. */
import { KiB } from '#sluice/base/units.js'
import { floorRelay } from '../peers/floor-relay.js'
import { haproxy, haproxyCopy } from '../peers/haproxy.js'
import { nginxStream } from '../peers/nginx-stream.js'
import type { Peer, RelaySite } from '../peers/peer.js'
import { pipe } from '../peers/pipe.js'
import { sluiceProxy } from '../peers/sluice-proxy.js'
import { isBulk, type Traffic } from './traffic.js'

/** Proxies between a client and an upstream. */
export interface RelayTrial {
  name: string
  title: string
  /** What is not asked for otherwise: the whole trial takes some five minutes. */
  pace: { repetitions: number; seconds: number; warmupSeconds: number }
  proxies: readonly Peer<RelaySite>[]
  cases: readonly RelayCase[]
  targets: readonly RelayTarget[]
}

/** One kind of traffic; a case is a table of its own. */
export interface RelayCase {
  /** As the tables show it and `--cases` takes it. */
  label: string
  traffic: Traffic
  /** So many times as long a warm-up; 1 where not given. What runs once for a connection is compiled late. */
  warmups?: number
  /** Into how many parts a measurement is divided, between which the others have theirs; 1 where not given. */
  turns?: number
}

/** A figure of sluice's must be at most, or at least, so many times a rival's; of several, the one that is best at it. */
export interface RelayTarget {
  /** The label of the case. */
  case: string
  metric: 'cpu' | 'rate' | 'p50' | 'p99'
  bound: 'most' | 'least'
  limit: number
  against: readonly string[]
}

/** The time of a message depends on what else the machine does in that second: all proxies must meet it. */
const turns = 4

const relayCases: readonly RelayCase[] = [
  { label: '1 stream', traffic: { kind: 'send', connections: 1 } },
  { label: '8 streams', traffic: { kind: 'send', connections: 8 } },
  { label: '1 stream back', traffic: { kind: 'receive', connections: 1 } },
  { label: '64 B ping-pong', traffic: { kind: 'exchange', connections: 1, bytes: 64 }, turns },
  { label: '64 B ping-pong on 32', traffic: { kind: 'exchange', connections: 32, bytes: 64 }, turns },
  { label: '4 KiB ping-pong', traffic: { kind: 'exchange', connections: 1, bytes: 4 * KiB }, turns },
  { label: '4 KiB ping-pong on 32', traffic: { kind: 'exchange', connections: 32, bytes: 4 * KiB }, turns },
  { label: 'connections', traffic: { kind: 'connect', connections: 16, bytes: KiB }, warmups: 3, turns },
]

export const relayTrials: readonly RelayTrial[] = [
  {
    name: 'relay',
    title: 'TCP proxies, one core for the proxy and one for client and upstream, over loopback',
    pace: { repetitions: 3, seconds: 1.6, warmupSeconds: 0.8 },
    proxies: [sluiceProxy, haproxy, haproxyCopy, nginxStream, pipe, floorRelay],
    cases: relayCases,
    targets: relayCases.flatMap(relayTargets),
  },
]

function relayTargets({ label, traffic }: RelayCase): RelayTarget[] {
  const target = (
    metric: RelayTarget['metric'],
    bound: RelayTarget['bound'],
    limit: number,
    against: readonly string[] = ['haproxy', 'haproxy-copy'],
  ): RelayTarget => ({ case: label, metric, bound, limit, against })
  if (isBulk(traffic)) {
    return [
      target('cpu', 'most', 0.75),
      target('cpu', 'most', 0.25, ['a.pipe(b)']),
      target('rate', 'least', 1),
    ]
  }
  if (traffic.kind === 'connect') return [target('rate', 'least', 0.9), target('cpu', 'most', 1)]
  return [target('p50', 'most', 1), target('p99', 'most', 1)]
}
