/** What the trial of descriptors leaves behind. */
import type { StepName } from './trial.js'

export interface RingTrialResult {
  name: string
  title: string
  steps: RingStepResult[]
  /** Why there are no cycles; empty where there are. */
  cyclesMissing: string
}

export interface RingStepResult {
  name: StepName
  what: string
  /** Nanoseconds of one: a figure for each repetition. */
  ns: number[]
  /** How many cycles the core made in one nanosecond of the process's time, likewise; none where perf cannot tell. */
  cyclesPerNs: number[]
}
