/** The engine that transfers use: one for each environment, so for each worker thread, opened when first needed. */
import { addonMissing, native } from '../native/load.js'
import { PollEngine } from './poll-engine.js'

let engine: PollEngine | null = null
let refusal = native === null ? addonMissing : ''

/** The engine, or null where there is none; `engineMissing` then says why. */
export function defaultEngine(): PollEngine | null {
  if (engine !== null || native === null) return engine
  try {
    engine = new PollEngine(native)
  } catch (error) {
    // Not for good: descriptors that are short now may be free for the next transfer.
    refusal = (error as Error).message
  }
  return engine
}

/** Why there is no engine, as a clause that can follow a colon. */
export function engineMissing(): string {
  return refusal
}
