/** The tables as Markdown, for the README. */
import type { BenchResult } from '../result.js'
import { machineLine } from './machine.js'
import { clientBoundMark, columns, tableRows } from './table.js'
import { caseTitle } from './terminal.js'

export function markdownReport(result: BenchResult): string {
  const { trial, machine, options, date } = result
  const versions = trial.peers.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    ...trial.cases.flatMap(each => [`**${caseTitle(each)}**`, '', ...table(tableRows(each)), '']),
    `${machineLine(machine)}. ${versions}. ${date.slice(0, 10)}, medians of ${options.repetitions} runs of ` +
      `${options.seconds} s; ${clientBoundMark} limited by the load generator.`,
  ].join('\n')
}

function table(rows: readonly string[][]): string[] {
  const alignment = columns.map((_, column) => (column === 0 ? '---' : '--:'))
  return [columns, alignment, ...rows].map(row => `| ${row.map(escapeCell).join(' | ')} |`)
}

/** A lone asterisk would begin emphasis, a bar would end the cell. */
function escapeCell(cell: string): string {
  return cell.replaceAll(/[*|]/g, '\\$&')
}
