/** What an engine moves forward: a transfer in progress, advanced in steps that never wait. */

/** The descriptor took all it could: step again when the engine finds it ready. */
export const STEP_WAIT = 0
/** There is more to do at once: step again after the others had their turn. */
export const STEP_MORE = 1
/** The flow waits for something of its own and will ask the engine to resume it. */
export const STEP_PARK = 2
/** The flow has ended, well or not, and has taken leave of the engine. */
export const STEP_DONE = 3

export type Step = typeof STEP_WAIT | typeof STEP_MORE | typeof STEP_PARK | typeof STEP_DONE

export interface Flow {
  /** The descriptor whose readiness the flow waits for. */
  readonly fd: number
  /** The engine's own: the slot of its watch, or -1. */
  watch: number
  /** The engine's own: it stands in the run queue. */
  queued: boolean
  /** Does one bounded piece of work without waiting. Does not throw; once done, does nothing and says so again. */
  step(): Step
}
