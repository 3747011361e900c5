/** What a trial of proxies leaves behind, and the figures that follow from it. */
import { type Summary, summarize } from '../measure/statistics.js'
import type { TrialResult } from '../result.js'
import { isBulk, type TrafficResult } from './traffic.js'
import type { RelayCase } from './trial.js'

export interface RelayTrialResult extends Omit<TrialResult, 'cases'> {
  cases: RelayCaseResult[]
}

export interface RelayCaseResult extends RelayCase {
  rows: RelayRow[]
}

export interface RelayRow {
  peer: string
  samples: RelaySample[]
  /** Why a sample could not be taken, one entry for each. */
  failures: string[]
}

export interface RelaySample extends TrafficResult {
  /** CPU time of the end behind the proxy. */
  upstreamCpuMs: number
  /** Of the proxy, its threads and its children, while traffic went through. */
  proxyCpuNs: number
  proxyCpuSource: 'threads' | 'sums'
}

/** Over the samples of a row. */
export interface RelayFigures {
  /** GB per second (10^9 bytes) of bulk, else messages per second. */
  rate: Summary
  /** CPU of the proxy: milliseconds per GB of bulk, else microseconds per message. */
  cpu: Summary
  /** Microseconds; of no meaning for bulk. */
  p50: Summary
  p99: Summary
  /** The core of client and upstream had no time left: the proxy could have given more. */
  loadBound: boolean
}

/** Null where there is no sample. */
export function relayFigures({ traffic }: RelayCase, { samples }: RelayRow): RelayFigures | null {
  if (samples.length === 0) return null
  const over = (metric: (sample: RelaySample) => number): Summary => summarize(samples.map(metric))
  const bulk = isBulk(traffic)
  const units = (sample: RelaySample): number => (bulk ? sample.bytes / 1e9 : sample.messages)
  const cpuUnitNs = bulk ? 1e6 : 1e3
  return {
    rate: over(sample => units(sample) / sample.seconds),
    cpu: over(sample => sample.proxyCpuNs / cpuUnitNs / units(sample)),
    p50: over(sample => sample.latencyUs.p50),
    p99: over(sample => sample.latencyUs.p99),
    loadBound: over(sample => (sample.cpuMs + sample.upstreamCpuMs) / 1e3 / sample.seconds).median > 0.95,
  }
}
