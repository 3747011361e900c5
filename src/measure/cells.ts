/** What is measured: each path of a pair at each size, which of them are still in question, and what they come to. */
import type { Costs, Measured, PairName, PathCosts } from '../transfer/plan/costs.js'
import type { PathName } from '../transfer/plan/path.js'
import type { Rig } from './rig.js'

/** One path at one size. */
export interface Cell {
  readonly rig: Rig
  readonly path: PathName
  readonly bytes: number
  /** Transfers in a batch. */
  count: number
  /** How long a batch takes. */
  ms: number
  /** What the warm-up saw: it counts where there is no time for more. */
  firstNs: number
  readonly ns: number[]
}

/** By size, and within it by pair, whose paths change places from round to round. */
export function inTurns(cells: readonly Cell[], round: number): Cell[] {
  const turns: Cell[] = []
  for (let start = 0; start < cells.length; ) {
    let end = start
    while (end < cells.length && isNeighbour(cells[start]!, cells[end]!)) end++
    const middle = start + (round % (end - start))
    turns.push(...cells.slice(middle, end), ...cells.slice(start, middle))
    start = end
  }
  return turns
}

/** So many batches are not all met by the same disturbance. */
const batchesMin = 3
/** By how many times as much a path may be dearer than the cheapest to stay in question in round 1; later by less. */
const margin = 4

/** Whether it may be the cheapest of its pair, and not the only one that may: each round leaves fewer in question. */
export function isContested(cell: Cell, cells: readonly Cell[], round: number): boolean {
  const rivals = cells.filter(other => isNeighbour(cell, other))
  if (cell.ns.length < batchesMin) return rivals.length > 1
  const limitNs = Math.min(...rivals.map(figureOf)) * (1 + margin / round)
  return figureOf(cell) <= limitNs && rivals.filter(rival => figureOf(rival) <= limitNs).length > 1
}

function isNeighbour(a: Cell, b: Cell): boolean {
  return a.rig === b.rig && a.bytes === b.bytes
}

export function costsOf(cells: readonly Cell[]): Costs {
  const costs: { -readonly [Pair in PairName]?: { -readonly [Path in PathName]?: Measured[] } } = {}
  for (const cell of cells) {
    const { rig, path, bytes } = cell
    costs[rig.experiment.pair] ??= {}
    const paths = costs[rig.experiment.pair]!
    paths[path] ??= []
    paths[path].push([bytes, Math.max(Math.round(figureOf(cell)), 1)])
  }
  return costs satisfies { [Pair in PairName]?: PathCosts }
}

/** What a quarter of the batches was below: nothing makes a batch cheaper than it is, and much makes it dearer. */
function figureOf({ ns, firstNs }: Cell): number {
  if (ns.length === 0) return firstNs
  const sorted = [...ns].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 2]!
}
