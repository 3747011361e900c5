/** Costs for people: the table that was measured, and in a line which one is in force. */
import { showBytes } from '../base/figures.js'
import type { CostsInForce } from '../doctor/report.js'
import type { Measurement, Skipped } from '../measure/measure.js'
import type { Costs, Measured } from '../transfer/plan/costs.js'
import { type Cell, gap, type Layout, paint, table } from './rows.js'

const green = 32
const bold = 1
const cheapestMark = '*'

/** A row for each path, the pairs one below the other; sizes are columns. */
export function measurementText({ costs, skipped }: Measurement, layout: Layout): string {
  const lines = [
    'CPU time of this process for a transfer, in µs; * is the cheapest of its pair',
    '',
    ...costsTable(costs, layout),
  ]
  if (skipped.length > 0) lines.push('', 'Not measured:', '', ...table(skipped.map(skippedRow), layout))
  return `${lines.join('\n')}\n`
}

function skippedRow({ pair, path, why }: Skipped) {
  return { cells: [{ text: pair, colour: bold }, { text: path ?? 'all' }], text: why }
}

function costsTable(costs: Costs, { colour }: Layout): string[] {
  const pairs = Object.entries(costs)
  const sizes = [
    ...new Set(
      pairs.flatMap(([, paths]) =>
        Object.values(paths)
          .flat()
          .map(([bytes]) => bytes),
      ),
    ),
  ]
  sizes.sort((a, b) => a - b)
  const rows: Cell[][] = [['', '', ...sizes.map(bytes => `${showBytes(bytes)} `)].map(text => ({ text }))]
  for (const [pair, paths] of pairs) {
    const least = sizes.map(bytes => Math.min(...Object.values(paths).map(measured => nsAt(measured, bytes))))
    for (const [i, [path, measured]] of Object.entries(paths).entries()) {
      const figures = sizes.map((bytes, column) => figureCell(nsAt(measured, bytes), least[column]!))
      rows.push([{ text: i === 0 ? pair : '', colour: bold }, { text: path }, ...figures])
    }
  }
  return aligned(rows, colour)
}

/** Infinite where that size was not measured. */
function nsAt(measured: readonly Measured[], bytes: number): number {
  return measured.find(([size]) => size === bytes)?.[1] ?? Number.POSITIVE_INFINITY
}

function figureCell(ns: number, leastNs: number): Cell {
  if (ns === Number.POSITIVE_INFINITY) return { text: '– ' }
  const us = Number((ns / 1000).toPrecision(3)).toLocaleString('en')
  return ns === leastNs ? { text: us + cheapestMark, colour: green } : { text: `${us} ` }
}

/** Names to the left, figures to the right. */
function aligned(rows: readonly Cell[][], colour: boolean): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.text.length)))
  return rows.map(row =>
    row
      .map((cell, column) => {
        const width = widths[column]!
        const text = column < 2 ? cell.text : cell.text.padStart(width)
        return paint({ ...cell, text }, width, colour)
      })
      .join(gap)
      .trimEnd(),
  )
}

/** As in `costs: measured on this kernel 3 days ago`, with what to do where they are built in. */
export function costsLine({ origin, measuredAt, path, why }: CostsInForce): string {
  if (origin === 'measured')
    return `costs: measured on this kernel ${ageText(Date.parse(measuredAt!))} (${path})`
  return `costs: built-in figures, as ${why}; sluice doctor --measure finds those of this machine`
}

const units = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const

function ageText(thenMs: number): string {
  const ageMs = Date.now() - thenMs
  const [unitMs, unit] = units.find(([least]) => ageMs >= least) ?? [0, '']
  if (unitMs === 0) return 'just now'
  const count = Math.floor(ageMs / unitMs)
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`
}
