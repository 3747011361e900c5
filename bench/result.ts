/** What a run leaves behind: everything measured, as it is written to JSON, and the figures that follow from it. */
import type { LoadResult } from './measure/load.js'
import { type Summary, summarize } from './measure/statistics.js'
import type { Machine } from './report/machine.js'
import type { Case } from './trials.js'

/** The file's format; it changes when a reader of old files would misunderstand a new one. */
export const resultFormat = 1

export interface BenchResult {
  format: typeof resultFormat
  /** ISO 8601, UTC. */
  date: string
  machine: Machine
  options: { repetitions: number; seconds: number; warmupSeconds: number }
  trial: TrialResult
}

export interface TrialResult {
  name: string
  title: string
  peers: { name: string; setup: string; version: string }[]
  skipped: { name: string; reason: string }[]
  cases: CaseResult[]
}

export interface CaseResult extends Pick<Case, 'label' | 'fileBytes' | 'load'> {
  rows: RowResult[]
}

export interface RowResult {
  peer: string
  samples: Sample[]
  /** Why a sample could not be taken, one entry for each. */
  failures: string[]
}

export interface Sample extends LoadResult {
  /** Of the server, its threads and its children, during the load. */
  serverCpuNs: number
  serverCpuSource: 'threads' | 'sums'
}

/** The metrics of a row, over its samples. A GB is 10^9 bytes. */
export interface Figures {
  gigabytesPerSecond: Summary
  requestsPerSecond: Summary
  cpuMsPerGigabyte: Summary
  cpuUsPerRequest: Summary
  /** The load generator's core had no time left: the server could have given more. */
  clientBound: boolean
}

/** Null where there is no sample. */
export function figuresOf(row: RowResult): Figures | null {
  const { samples } = row
  if (samples.length === 0) return null
  const over = (metric: (sample: Sample) => number) => summarize(samples.map(metric))
  return {
    gigabytesPerSecond: over(sample => sample.bytes / 1e9 / sample.seconds),
    requestsPerSecond: over(sample => sample.requests / sample.seconds),
    cpuMsPerGigabyte: over(sample => sample.serverCpuNs / 1e6 / (sample.bytes / 1e9)),
    cpuUsPerRequest: over(sample => sample.serverCpuNs / 1e3 / sample.requests),
    clientBound: over(sample => sample.cpuMs / 1e3 / sample.seconds).median > 0.95,
  }
}
