/** The engine that transfers use: one for each environment, so for each worker thread, opened when first needed. */
import { SluiceError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { addonMissing, native } from '../native/load.js'
import { type Engine, type EngineName, engineNames } from './engine.js'
import { PollEngine } from './poll-engine.js'
import { RingEngine } from './ring-engine.js'

/** What was measured to be the cheaper one: docs/architecture.md. */
const preferred: EngineName = 'poll'

let engine: Engine | null = null
let why = ''
let refusal = native === null ? addonMissing : ''

/**
 * The engine, or null where there is none; `engineMissing` then says why.
 *
 * @throws ERR_SLUICE_OPTION where SLUICE_ENGINE names none
 */
export function defaultEngine(): Engine | null {
  if (engine !== null || native === null) return engine
  const wanted = wantedEngine()
  try {
    engine = wanted.name === 'ring' ? openRing(native, wanted.why) : openPoll(native, wanted.why)
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

/** Why it is this engine, as a clause; empty before there is one. */
export function engineWhy(): string {
  return why
}

function wantedEngine(): { name: EngineName; why: string } {
  const given = process.env.SLUICE_ENGINE
  if (!given) return { name: preferred, why: 'the default' }
  const name = engineNames.find(known => known === given)
  if (name !== undefined) return { name, why: `SLUICE_ENGINE=${name}` }
  throw new SluiceError('ERR_SLUICE_OPTION', `SLUICE_ENGINE is "${given}", which is no engine`, {
    remedy: `Set it to one of ${engineNames.join(', ')}, or unset it.`,
  })
}

function openRing(calls: Native, reason: string): Engine {
  try {
    const ring = new RingEngine(calls)
    why = reason
    return ring
  } catch (error) {
    return openPoll(calls, `${reason} is refused (${(error as Error).message})`)
  }
}

function openPoll(calls: Native, reason: string): Engine {
  const poll = new PollEngine(calls)
  why = reason
  return poll
}
