/** What a trial of proxies came to: a table for each case, with the columns that its kind of traffic has. */
import type { Summary } from '../measure/statistics.js'
import {
  type RelayCaseResult,
  type RelayFigures,
  type RelayTrialResult,
  relayFigures,
} from '../relay/result.js'
import { isBulk, type TrafficKind } from '../relay/traffic.js'
import type { RelayTarget } from '../relay/trial.js'
import type { BenchResult } from '../result.js'
import { machineLine } from './machine.js'
import { relayVerdicts } from './relay-verdict.js'
import { clientBoundMark, digits, subject } from './table.js'

type RelayBenchResult = BenchResult<RelayTrialResult>

export function relayReport(result: RelayBenchResult, targets: readonly RelayTarget[]): string {
  const { trial, machine, options, date } = result
  const verdicts = relayVerdicts(targets, trial)
  return [
    trial.title,
    machineLine(machine),
    `${date}; ${options.repetitions} × ${options.seconds} s each, medians; load before ${machine.loadBefore.toFixed(2)}`,
    '',
    ...trial.peers.map(({ name, version, setup }) => `${name} (${version}): ${setup}`),
    ...trial.skipped.map(({ name, reason }) => `${name}: skipped, ${reason}`),
    ...trial.cases.flatMap(each => ['', each.label, ...aligned(table(each)), ...failureLines(each)]),
    '',
    `CPU is the proxy's, of all its threads and children. ${clientBoundMark}: client and upstream had no time left; the proxy may do more.`,
    ...(verdicts.length > 0 ? ['', ...verdicts.map(line => `  ${line}`)] : []),
  ].join('\n')
}

export function relayMarkdown({ trial, machine, options, date }: RelayBenchResult): string {
  const versions = trial.peers.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    ...trial.cases.flatMap(each => [`**${each.label}**`, '', ...markdownTable(table(each)), '']),
    `${machineLine(machine)}. ${versions}. ${date.slice(0, 10)}, medians of ${options.repetitions} runs of ` +
      `${options.seconds} s; \\${clientBoundMark} limited by client and upstream.`,
  ].join('\n')
}

/** The columns of a kind of traffic: what a unit of it is called, and whether latencies mean something. */
function columnsOf(kind: TrafficKind): string[] {
  const comparison = `× ${subject}`
  if (isBulk({ kind })) return ['proxy', 'CPU ms/GB', 'min–max', comparison, 'GB/s']
  const unit = kind === 'connect' ? 'connection' : 'message'
  return ['proxy', `CPU µs/${unit}`, 'min–max', comparison, `${unit}s/s`, 'p50 µs', 'p99 µs']
}

/** With the columns as the first row. */
function table(result: RelayCaseResult): string[][] {
  const columns = columnsOf(result.traffic.kind)
  const all = result.rows.map(row => ({ peer: row.peer, figures: relayFigures(result, row) }))
  const own = all.find(({ peer }) => peer === subject)?.figures ?? null
  const rows = all.map(({ peer, figures }) => {
    const cells = figures === null ? ['failed'] : cellsOf(figures, own)
    return columns.map((_, column) => [peer, ...cells][column] ?? '')
  })
  return [columns, ...rows]
}

function cellsOf({ cpu, rate, p50, p99, loadBound }: RelayFigures, own: RelayFigures | null): string[] {
  return [
    digits(cpu.median),
    spread(cpu),
    own === null ? '–' : digits(cpu.median / own.cpu.median),
    digits(rate.median) + (loadBound ? clientBoundMark : ''),
    digits(p50.median),
    digits(p99.median),
  ]
}

function spread({ min, max }: Summary): string {
  return `${digits(min)}–${digits(max)}`
}

function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
    )
    return `  ${cells.join('  ')}`.trimEnd()
  })
}

function markdownTable([columns, ...rows]: readonly string[][]): string[] {
  const alignment = columns!.map((_, column) => (column === 0 ? '---' : '--:'))
  return [columns!, alignment, ...rows].map(row => `| ${row.join(' | ').replaceAll('*', '\\*')} |`)
}

/** Every reason once, with how often it came. */
function failureLines({ rows }: RelayCaseResult): string[] {
  return rows.flatMap(({ peer, failures }) =>
    [...new Set(failures)].map(reason => {
      const times = failures.filter(each => each === reason).length
      return `  ${peer} failed ${times} ×: ${reason}`
    }),
  )
}
