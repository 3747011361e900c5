/** Tries one technique, in this process, and always ends with something to say about it. */
import { dispose } from '../base/dispose.js'
import type { Native } from '../native/calls.js'
import { explain } from './explain.js'
import type { Finding, Probe } from './probe.js'
import { isRefusal } from './refusal.js'
import type { Technique } from './report.js'
import type { Surroundings } from './surroundings.js'
import { Workbench } from './workbench.js'

export async function examine(probe: Probe, native: Native, around: Surroundings): Promise<Technique> {
  const bench = new Workbench(native, around)
  try {
    return techniqueOf(probe, await probe.examine(bench))
  } catch (error) {
    if (isRefusal(error))
      return techniqueOf(probe, { status: 'missing', ...explain(error, probe.needs, around) })
    return techniqueOf(probe, unexpected(error))
  } finally {
    bench[dispose]()
  }
}

export function techniqueOf({ name }: Probe, { status, reason, remedy, proof }: Finding): Technique {
  return { name, status, reason, remedy: remedy ?? null, proof: proof ?? null }
}

/** What no try foresees: it is told, so that the other techniques still are. */
function unexpected(error: unknown): Finding {
  return {
    status: 'missing',
    reason: `the try failed: ${error instanceof Error ? error.message : String(error)}`,
    remedy: 'report it with the output of `sluice doctor --json`: it works differently than documented',
  }
}
