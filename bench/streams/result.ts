/** What the trial of streams leaves behind, and the figures that follow from it. */
import { type Summary, summarize } from '../measure/statistics.js'
import type { TrafficResult } from '../relay/traffic.js'
import type { Mover, StreamJob } from './trial.js'

export interface StreamTrialResult {
  name: string
  title: string
  jobs: StreamJobResult[]
}

export interface StreamJobResult extends StreamJob {
  rows: StreamRow[]
}

export interface StreamRow {
  mover: Mover
  samples: StreamSample[]
  /** Why a sample could not be taken, one entry for each. */
  failures: string[]
}

export interface StreamSample extends TrafficResult {
  /** What was moved. */
  movedBytes: number
  /** Of the process that moves, all its threads, meanwhile. */
  moverCpuNs: number
}

/** Over the samples of a row. */
export interface StreamFigures {
  /** Milliseconds for a unit of the job. */
  cpu: Summary
  /** Units per second. */
  rate: Summary
}

/** Null where there is no sample. */
export function streamFigures({ unit }: StreamJob, { samples }: StreamRow): StreamFigures | null {
  if (samples.length === 0) return null
  const over = (metric: (sample: StreamSample) => number): Summary => summarize(samples.map(metric))
  return {
    cpu: over(({ moverCpuNs, movedBytes }) => moverCpuNs / 1e6 / (movedBytes / unit.bytes)),
    rate: over(({ movedBytes, seconds }) => movedBytes / unit.bytes / seconds),
  }
}
