/** What a run leaves behind: everything measured, as it is written to JSON, and the figures that follow from it. */

import type { Costs, PairName } from '#sluice/transfer/plan/costs.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import type { LoadResult } from './measure/load.js'
import { type Summary, summarize } from './measure/statistics.js'
import type { Machine } from './report/machine.js'
import type { Case } from './trials.js'

/** The file's format; it changes when a reader of old files would misunderstand a new one. */
export const resultFormat = 1 as const

export interface BenchResult<Result = TrialResult> {
  format: typeof resultFormat
  /** ISO 8601, UTC. */
  date: string
  machine: Machine
  options: { repetitions: number; seconds: number; warmupSeconds: number }
  trial: Result
}

export interface TrialResult {
  name: string
  title: string
  peers: { name: string; setup: string; version: string }[]
  skipped: { name: string; reason: string }[]
  cases: CaseResult[]
}

/** What a trial of paths leaves behind. */
export interface PathTrialResult {
  name: string
  title: string
  atMost: number
  /** The table that `sluice doctor --measure` made first, by which was picked. */
  table: Costs
  cells: PathCell[]
  skipped: { pair: PairName; path: PathName | null; why: string }[]
}

/** One pair at one size. */
export interface PathCell {
  pair: PairName
  label: string
  bytes: number
  /** CPU time of the process that transfers, in nanoseconds for one transfer: a figure for each repetition. */
  paths: { path: PathName; ns: number[] }[]
  /** What the planner picked, in each repetition. */
  picked: PathName[]
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
  p99Us: Summary
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
    p99Us: over(sample => sample.latencyUs.p99),
    clientBound: over(sample => sample.cpuMs / 1e3 / sample.seconds).median > 0.95,
  }
}
