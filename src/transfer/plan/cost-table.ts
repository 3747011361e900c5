/** Which costs are in force: those that `sluice doctor --measure` stored for this machine, else the built-in ones. */
import { native } from '../../native/load.js'
import { builtInCosts } from './cost-defaults.js'
import { costFilePath, readCostFile } from './cost-file.js'
import type { Costs } from './costs.js'
import { thisMachine } from './machine.js'

export interface CostTable {
  readonly origin: 'measured' | 'built-in'
  readonly costs: Costs
  /** When it was measured, in milliseconds since 1970; null where it is built in. */
  readonly measuredAt: number | null
  /** The file of a measured table; null where this machine's has no place. */
  readonly path: string | null
  /** Why the figures are the built-in ones, as a clause; empty where they are not. */
  readonly why: string
}

let inForce: CostTable | null = null
/** Counts the tables: what was concluded from an older one is void. */
let edition = 0

/** The table that plans are made by. It is looked for once, at the first plan: that takes 2 or 3 ms. */
export function costTable(): CostTable {
  inForce ??= load()
  return inForce
}

export function costEdition(): number {
  return edition
}

/** Takes this table from now on, or looks for the stored one again. */
export function useCosts(table: CostTable | null): void {
  inForce = table
  edition++
}

function load(): CostTable {
  // There is one path then, and nothing to choose.
  if (native === null) return builtIn('there is no addon', null)
  const machine = thisMachine()
  const place = costFilePath(machine)
  if ('missing' in place) return builtIn(place.missing, null)
  const { path } = place
  const stored = readCostFile(path)
  if (typeof stored === 'string') return builtIn(stored, path)
  const { kernel, build, cpu } = stored.machine
  if (kernel !== machine.kernel || build !== machine.build)
    return builtIn('it was measured on another kernel', path)
  if (cpu !== machine.cpu) return builtIn('it was measured on another processor', path)
  // A pair that could not be measured keeps its built-in figures.
  const costs = { ...builtInCosts, ...stored.costs }
  return { origin: 'measured', costs, measuredAt: stored.measuredAt, path, why: '' }
}

function builtIn(why: string, path: string | null): CostTable {
  return { origin: 'built-in', costs: builtInCosts, measuredAt: null, path, why }
}
