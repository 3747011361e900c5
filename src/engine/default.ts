/** The engine that transfers use: one for each environment, so for each worker thread, opened when first needed. */
import { SluiceError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { addonMissing, native } from '../native/load.js'
import { type Engine, type EngineName, engineNames } from './engine.js'
import { PollEngine } from './poll-engine.js'
import { RingEngine } from './ring-engine.js'
import { type Wait, waits } from './waiting.js'

/** What was measured to be the cheaper one: docs/architecture.md. */
const preferred: EngineName = 'poll'

let preferredWait: Wait = 'loop'
let engine: Engine | null = null
let why = ''
let refusal = native === null ? addonMissing : ''

/**
 * The engine, or null where there is none; `engineMissing` then says why.
 *
 * @throws ERR_SLUICE_OPTION where SLUICE_ENGINE or SLUICE_WAIT has none of its values
 */
export function defaultEngine(): Engine | null {
  if (engine !== null || native === null) return engine
  const wanted = wantedEngine()
  try {
    engine = wanted.name === 'ring' ? openRing(native, wanted) : openPoll(native, wanted)
  } catch (error) {
    // Not for good: descriptors that are short now may be free for the next transfer.
    refusal = (error as Error).message
  }
  return engine
}

/**
 * For a program that does little but move bytes: an engine that is opened from now on waits itself, in the place of
 * Node's loop. SLUICE_WAIT goes before.
 */
export function preferEngineWait(): void {
  preferredWait = 'engine'
}

/** Why there is no engine, as a clause that can follow a colon. */
export function engineMissing(): string {
  return refusal
}

/** Why it is this engine, as a clause; empty before there is one. */
export function engineWhy(): string {
  return why
}

interface Wanted {
  readonly name: EngineName
  readonly wait: Wait
  readonly why: string
}

function wantedEngine(): Wanted {
  const name = choiceOf('SLUICE_ENGINE', engineNames)
  const wait = choiceOf('SLUICE_WAIT', waits) ?? preferredWait
  return { name: name ?? preferred, wait, why: name === null ? 'the default' : `SLUICE_ENGINE=${name}` }
}

/** What a variable of the environment chooses, or null where it is not set. */
function choiceOf<Name extends string>(variable: string, names: readonly Name[]): Name | null {
  const given = process.env[variable]
  if (!given) return null
  const name = names.find(known => known === given)
  if (name !== undefined) return name
  throw new SluiceError('ERR_SLUICE_OPTION', `${variable} is "${given}", which is none of its values`, {
    remedy: `Set it to one of ${names.join(', ')}, or unset it.`,
  })
}

function openRing(calls: Native, wanted: Wanted): Engine {
  try {
    const ring = new RingEngine(calls)
    why = wanted.why
    return ring
  } catch (error) {
    return openPoll(calls, { ...wanted, why: `${wanted.why} is refused (${(error as Error).message})` })
  }
}

function openPoll(calls: Native, wanted: Wanted): Engine {
  if (wanted.wait === 'engine') {
    try {
      const poll = new PollEngine(calls, 'engine')
      why = `${wanted.why}; it waits itself`
      return poll
    } catch (error) {
      // Node's loop can wait for it always.
      wanted = { ...wanted, why: `${wanted.why}; it cannot wait itself (${(error as Error).message})` }
    }
  }
  const poll = new PollEngine(calls, 'loop')
  why = wanted.why
  return poll
}
