/** The engine that transfers use: one for each environment, so for each worker thread, opened when first needed. */
import { addonMissing, native } from '../native/load.js'
import { PollEngine } from './poll-engine.js'

let engine: PollEngine | null | undefined
let refusal = ''

/** The engine, or null where there is none; `engineMissing` then says why. */
export function defaultEngine(): PollEngine | null {
  if (engine !== undefined) return engine
  engine = null
  if (native === null) {
    refusal = addonMissing
    return null
  }
  try {
    engine = new PollEngine(native)
  } catch (error) {
    refusal = (error as Error).message
  }
  return engine
}

/** Why there is no engine, as a clause that can follow a colon. */
export function engineMissing(): string {
  return refusal
}
