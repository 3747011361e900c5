/** What a trial of paths came to: for each pair and size the best path, the one that was picked, and the difference. */
import { showNs } from '#sluice/base/figures.js'
import { summarize } from '../measure/statistics.js'
import type { BenchResult, PathCell, PathTrialResult } from '../result.js'
import { machineFacts } from './machine.js'

type PathsResult = BenchResult<PathTrialResult>

export function pathsReport(result: PathsResult): string {
  const { trial, date, machine, options } = result
  const cells = trial.cells.filter(isMeasured)
  const missed = cells.filter(cell => pickedRatio(cell) > trial.atMost)
  return [
    trial.title,
    machineFacts(machine),
    `${date}; ${options.repetitions} × ${options.seconds} s each at most, medians; load before ${machine.loadBefore.toFixed(2)}`,
    '',
    ...aligned([columns, ...cells.map(cell => row(cell, trial.atMost))]),
    '',
    ...trial.skipped.map(({ pair, path, why }) => `${pair}, ${path ?? 'every path'}: not measured, ${why}`),
    '',
    'CPU is that of the process that transfers, for one transfer; who reads and writes on the other side is another.',
    `picked at most ${trial.atMost.toFixed(2)} of the best: ${cells.length - missed.length} of ${cells.length} cells met`,
  ].join('\n')
}

export function pathsMarkdown({ trial, machine, date, options }: PathsResult): string {
  const rows = trial.cells.filter(isMeasured).map(cell => row(cell, trial.atMost))
  const alignment = columns.map((_, column) => (column === 0 ? '---' : '--:'))
  return [
    ...[columns, alignment, ...rows].map(cells => `| ${cells.join(' | ')} |`),
    '',
    `${machineFacts(machine)}. ${date.slice(0, 10)}, medians of ${options.repetitions} runs.`,
  ].join('\n')
}

const columns = ['pair', 'size', 'best', 'CPU', 'picked', 'CPU', '× best', 'target', 'others']

function row(cell: PathCell, atMost: number): string[] {
  const best = bestOf(cell)
  const picked = pickedOf(cell)
  const ratio = pickedRatio(cell)
  const others = cell.paths.filter(({ path }) => path !== best.path && path !== picked)
  return [
    cell.pair,
    cell.label,
    best.path,
    showNs(best.ns),
    picked,
    showNs(best.ns * ratio),
    ratio.toFixed(2),
    ratio <= atMost ? 'met' : 'missed',
    others.map(({ path, ns }) => `${path} ${showNs(summarize(ns).median)}`).join(', '),
  ]
}

function isMeasured(cell: PathCell): boolean {
  return cell.picked.length > 0 && cell.paths.some(({ path }) => path === pickedOf(cell))
}

/** What was picked most often: the table decides, so that it is the same each time. */
function pickedOf({ picked }: PathCell): string {
  const count = (path: string): number => picked.filter(each => each === path).length
  return picked.reduce((most, path) => (count(path) > count(most) ? path : most))
}

function bestOf({ paths }: PathCell): { path: string; ns: number } {
  return paths
    .map(({ path, ns }) => ({ path, ns: summarize(ns).median }))
    .reduce((best, other) => (other.ns < best.ns ? other : best))
}

export function pickedRatio(cell: PathCell): number {
  const { ns } = cell.paths.find(({ path }) => path === pickedOf(cell))!
  return summarize(ns).median / bestOf(cell).ns
}

/** All but names to the right; the last column is of any length. */
function aligned(rows: readonly string[][]): string[] {
  const widths = columns.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  const isName = (column: number): boolean => [0, 2, 4, 8].includes(column)
  return rows.map(row =>
    row
      .map((cell, column) => (isName(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}
