/** The rows of a table as text, the same for the terminal and for Markdown. */
import type { Summary } from '../measure/statistics.js'
import { type CaseResult, type Figures, figuresOf } from '../result.js'

/** Everything is compared with this one. */
export const subject = 'sluice'

export const columns = [
  'server',
  'GB/s',
  'requests/s',
  'CPU ms/GB',
  'min–max',
  'CPU µs/request',
  'p99 µs',
  `× ${subject}`,
]

/** Marks a throughput that the load generator limited. */
export const clientBoundMark = '*'

export function tableRows(result: CaseResult): string[][] {
  const subjectRow = result.rows.find(row => row.peer === subject)
  const subjectFigures = subjectRow ? figuresOf(subjectRow) : null
  return result.rows.map(row => {
    const figures = figuresOf(row)
    return figures
      ? [row.peer, ...cells(figures, subjectFigures)]
      : [row.peer, 'failed', '', '', '', '', '', '']
  })
}

function cells(figures: Figures, subjectFigures: Figures | null): string[] {
  const cpu = figures.cpuMsPerGigabyte
  const mark = figures.clientBound ? clientBoundMark : ''
  return [
    digits(figures.gigabytesPerSecond.median) + mark,
    digits(figures.requestsPerSecond.median) + mark,
    digits(cpu.median),
    spread(cpu),
    digits(figures.cpuUsPerRequest.median),
    digits(figures.p99Us.median),
    subjectFigures ? digits(cpu.median / subjectFigures.cpuMsPerGigabyte.median) : '–',
  ]
}

function spread({ min, max }: Summary): string {
  return `${digits(min)}–${digits(max)}`
}

/** Three significant digits, and thousands set apart: 0.123, 12.3, 123, 12,300. */
export function digits(value: number): string {
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 3, minimumSignificantDigits: 3 }).format(
    value,
  )
}
