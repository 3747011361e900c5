/** What an engine moves forward: a transfer in progress, advanced in steps that never wait. */

/** The descriptor took all it could: step again when the engine finds it ready. */
export const STEP_WAIT = 0
/** The source has nothing now: step again when its descriptor is readable. */
export const STEP_WAIT_SOURCE = 4
/** There is more to do at once: step again after the others had their turn. */
export const STEP_MORE = 1
/** The flow waits for something of its own and will ask the engine to resume it. */
export const STEP_PARK = 2
/** The flow has ended, well or not, and has taken leave of the engine. */
export const STEP_DONE = 3

export type Step =
  | typeof STEP_WAIT
  | typeof STEP_WAIT_SOURCE
  | typeof STEP_MORE
  | typeof STEP_PARK
  | typeof STEP_DONE

export interface Flow {
  /** The descriptor that the flow sends on, and waits for with STEP_WAIT. */
  readonly fd: number
  /** The descriptor that it receives from, where it may wait for that with STEP_WAIT_SOURCE. */
  readonly sourceFd?: number
  /** The engine's own: it stands in the run queue. */
  queued: boolean
  /**
   * Set by the engine where the flow has it: the source's peer has ended or gone. Where it has not, a piece that is
   * shorter than what was asked for has emptied the source, and whatever comes later is told of anew; where it has,
   * the end may be there already.
   */
  sourceEnding?: boolean
  /** Unless it ends, a step calls nothing of the program's and leaves nothing to Node's loop but timers. */
  readonly keepsToItself?: true
  /** Does one bounded piece of work without waiting. Does not throw; once done, does nothing and says so again. */
  step(): Step
}
