/** The report that a person reads in the terminal. */
import type { BenchResult, CaseResult } from '../result.js'
import type { Target } from '../trials.js'
import { machineLine } from './machine.js'
import { clientBoundMark, columns, tableRows } from './table.js'
import { verdictLines } from './verdict.js'

export function terminalReport(result: BenchResult, targets: readonly Target[]): string {
  const { trial, machine, options, date } = result
  const verdicts = verdictLines(targets, trial)
  return [
    trial.title,
    machineLine(machine),
    `${date}; ${options.repetitions} × ${options.seconds} s each, medians; load before ${machine.loadBefore.toFixed(2)}`,
    '',
    ...trial.peers.map(({ name, version, setup }) => `${name} (${version}): ${setup}`),
    ...trial.skipped.map(({ name, reason }) => `${name}: skipped, ${reason}`),
    ...trial.cases.flatMap(each => ['', caseTitle(each), ...alignedTable(each), ...failureLines(each)]),
    '',
    `CPU is the server's, of all its threads and children. ${clientBoundMark}: the load generator had no time left; the server may do more.`,
    ...(verdicts.length > 0
      ? ['', "Server CPU as a share of a rival's:", ...verdicts.map(line => `  ${line}`)]
      : []),
  ].join('\n')
}

export function caseTitle({ label, load }: CaseResult): string {
  return `${label}, ${load.connections} ${load.connections === 1 ? 'connection' : 'connections'}`
}

function alignedTable(result: CaseResult): string[] {
  const rows = [columns, ...tableRows(result)]
  const widths = columns.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
    )
    return `  ${cells.join('  ')}`
  })
}

/** Every reason once, with how often it came. */
function failureLines(result: CaseResult): string[] {
  return result.rows.flatMap(({ peer, failures }) =>
    [...new Set(failures)].map(reason => {
      const times = failures.filter(each => each === reason).length
      return `  ${peer} failed ${times} ×: ${reason}`
    }),
  )
}
