/** What a trial of descriptors came to: a row for each step, and whether the targets are met. */
import { showNs } from '#sluice/base/figures.js'
import { summarize } from '../measure/statistics.js'
import type { BenchResult } from '../result.js'
import type { RingStepResult, RingTrialResult } from '../ring/result.js'
import type { RingTarget } from '../ring/trial.js'
import { machineFacts } from './machine.js'
import { digits } from './table.js'

type RingResult = BenchResult<RingTrialResult>

export function ringReport(result: RingResult, targets: readonly RingTarget[]): string {
  const { trial, machine, options, date } = result
  const rows = [columns, ...trial.steps.map(step => row(step, trial.steps))]
  const widths = columns.map((_, column) => Math.max(...rows.map(cells => cells[column]!.length)))
  return [
    trial.title,
    machineFacts(machine),
    `${date}; ${options.repetitions} × ${options.seconds} s each, medians; load before ${machine.loadBefore.toFixed(2)}`,
    '',
    ...rows.map(cells =>
      cells
        .map((cell, column) =>
          isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    ),
    '',
    ...(trial.cyclesMissing === '' ? [] : [`no cycles: ${trial.cyclesMissing}`]),
    ...targets.map(target => verdict(target, trial.steps)),
  ].join('\n')
}

export function ringMarkdown({ trial, machine, date, options }: RingResult): string {
  const alignment = columns.map((_, column) => (isText(column) ? '---' : '--:'))
  const rows = trial.steps.map(step => row(step, trial.steps))
  return [
    ...[columns, alignment, ...rows].map(cells => `| ${cells.join(' | ')} |`),
    '',
    `${machineFacts(machine)}. ${date.slice(0, 10)}, medians of ${options.repetitions} runs.`,
  ].join('\n')
}

/** What the others are compared with. */
const unit = 'prepare + publish'
const columns = ['step', 'ns', 'min–max', 'cycles', `× ${unit}`, 'what it is']

function isText(column: number): boolean {
  return column === 0 || column === columns.length - 1
}

function row(step: RingStepResult, steps: readonly RingStepResult[]): string[] {
  const { median, min, max } = summarize(step.ns)
  const cycles = step.cyclesPerNs.length > 0 ? median * summarize(step.cyclesPerNs).median : null
  return [
    step.name,
    digits(median),
    `${digits(min)}–${digits(max)}`,
    cycles === null ? '–' : digits(cycles),
    digits(median / medianOf(unit, steps)),
    step.what,
  ]
}

/** Whether the target is met, in one line. */
export function verdict({ step, atMost, against }: RingTarget, steps: readonly RingStepResult[]): string {
  const [own, other] = [medianOf(step, steps), medianOf(against, steps)]
  const outcome = own <= atMost * other ? 'met' : 'missed'
  const times = digits(other / own)
  return `${outcome}: ${step} at most ${atMost} of ${against}: ${showNs(own)} to ${showNs(other)}, ${times} times cheaper`
}

function medianOf(name: string, steps: readonly RingStepResult[]): number {
  return summarize(steps.find(step => step.name === name)!.ns).median
}
