/** The paths of one pair at one size: between them the planner chooses, so they are measured by turns. */
import type { Costs, Measured, PairName, PathCosts } from '../transfer/plan/costs.js'
import type { PathName } from '../transfer/plan/path.js'
import { type Estimate, estimate, type Observed } from './estimate.js'
import type { Rig } from './rig.js'

export interface Contest {
  readonly rig: Rig
  readonly bytes: number
  /** Of the paths that can be taken. */
  entries: readonly Entry[]
  /** How many have been begun. */
  rounds: number
  /** How long the last one took. */
  ms: number
}

/** One path. */
export interface Entry extends Observed {
  readonly path: PathName
  readonly ns: number[]
}

/** By so many standard errors a difference must be above 0 to be one. */
const certainty = 2

/** By how much it may be cheaper than the one that looks cheapest, as a logarithm; not above 0 where it is dearer. */
function doubt(one: Estimate, leader: Estimate): number {
  return certainty * Math.hypot(one.error, leader.error) - (one.log - leader.log)
}

/** The one that looks cheapest, and those that may be cheaper. */
export function inQuestion({ entries }: Contest): Entry[] {
  const estimates = estimate(entries)
  const leader = cheapest(estimates)
  return entries.filter((_, i) => estimates[i] === leader || doubt(estimates[i]!, leader!) > 0)
}

/**
 * How urgent another round is, 0 where there is nothing to decide. What takes long gets fewer rounds: in the same time
 * more of what does not is decided.
 */
export function urgency({ entries, ms }: Contest): number {
  const estimates = estimate(entries)
  const leader = cheapest(estimates)
  const doubts = estimates.map(each => (each === leader ? 0 : doubt(each, leader!)))
  return Math.max(0, ...doubts) / Math.cbrt(ms)
}

function cheapest(estimates: readonly Estimate[]): Estimate | undefined {
  const least = Math.min(...estimates.map(({ log }) => log))
  return estimates.find(({ log }) => log === least)
}

export function costsOf(contests: readonly Contest[]): Costs {
  const costs: { -readonly [Pair in PairName]?: { -readonly [Path in PathName]?: Measured[] } } = {}
  for (const { rig, bytes, entries } of contests) {
    const estimates = estimate(entries)
    for (const [i, { path }] of entries.entries()) {
      costs[rig.experiment.pair] ??= {}
      const paths = costs[rig.experiment.pair]!
      paths[path] ??= []
      paths[path]!.push([bytes, Math.max(Math.round(Math.exp(estimates[i]!.log)), 1)])
    }
  }
  return costs satisfies { [Pair in PairName]?: PathCosts }
}
