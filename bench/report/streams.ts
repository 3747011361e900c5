/** What the trial of streams came to: two rows for each job, and whether its target is met. */
import type { BenchResult } from '../result.js'
import { type StreamJobResult, type StreamTrialResult, streamFigures } from '../streams/result.js'
import type { Mover } from '../streams/trial.js'
import { machineLine } from './machine.js'
import { digits } from './table.js'

type StreamsResult = BenchResult<StreamTrialResult>

export function streamsReport(result: StreamsResult): string {
  const { trial, machine, options, date } = result
  const rows = [columns, ...trial.jobs.flatMap(jobRows)]
  const widths = columns.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return [
    trial.title,
    machineLine(machine),
    `${date}; ${options.repetitions} × ${options.seconds} s each, medians; load before ${machine.loadBefore.toFixed(2)}`,
    '',
    ...rows.map(row =>
      row
        .map((cell, column) =>
          isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    ),
    '',
    ...trial.jobs.map(verdict),
    ...trial.jobs.flatMap(failureLines),
  ].join('\n')
}

export function streamsMarkdown({ trial, machine, date, options }: StreamsResult): string {
  const alignment = columns.map((_, column) => (isText(column) ? '---' : '--:'))
  return [
    ...[columns, alignment, ...trial.jobs.flatMap(jobRows)].map(cells => `| ${cells.join(' | ')} |`),
    '',
    `${machineLine(machine)}. ${date.slice(0, 10)}, medians of ${options.repetitions} runs.`,
  ].join('\n')
}

const columns = ['job', 'by', 'CPU', 'min–max', 'rate', '× streams']

function isText(column: number): boolean {
  return column < 2
}

function jobRows(job: StreamJobResult): string[][] {
  const theirs = figuresOf(job, 'streams')
  return job.rows.map(({ mover }) => {
    const names = [job.label, job.setup[mover]]
    const own = figuresOf(job, mover)
    if (own === null) return [...names, 'failed', '', '', '']
    const { cpu, rate } = own
    return [
      ...names,
      `${digits(cpu.median)} ms/${job.unit.name}`,
      `${digits(cpu.min)}–${digits(cpu.max)}`,
      `${digits(rate.median)} ${job.unit.name}/s`,
      theirs === null ? '–' : digits(cpu.median / theirs.cpu.median),
    ]
  })
}

/** One line, such as `socket → file, CPU: at most 0.50 of the streams: met 0.41`. */
function verdict(job: StreamJobResult): string {
  const { metric, bound, limit } = job.target
  const wanted = `${job.label}, ${metric === 'cpu' ? 'CPU' : 'rate'}: at ${bound} ${limit.toFixed(2)} of the streams`
  const [own, theirs] = [figuresOf(job, 'sluice'), figuresOf(job, 'streams')]
  if (own === null || theirs === null) return `${wanted}: not measured`
  const ratio = own[metric].median / theirs[metric].median
  const met = bound === 'most' ? ratio <= limit : ratio >= limit
  return `${wanted}: ${met ? 'met' : 'missed'} ${ratio.toFixed(2)}`
}

function figuresOf(job: StreamJobResult, mover: Mover): ReturnType<typeof streamFigures> {
  return streamFigures(job, job.rows.find(row => row.mover === mover)!)
}

/** Every reason once, with how often it came. */
function failureLines({ label, rows }: StreamJobResult): string[] {
  return rows.flatMap(({ mover, failures }) =>
    [...new Set(failures)].map(reason => {
      const times = failures.filter(each => each === reason).length
      return `${label}, ${mover}: failed ${times} ×: ${reason}`
    }),
  )
}
