/** Whether sluice is where it must be, target by target. */
import { type CaseResult, figuresOf, type TrialResult } from '../result.js'
import type { Target } from '../trials.js'
import { subject } from './table.js'

/** One line each, such as `100 MiB: at most 0.70 of nginx: met 0.43`. */
export function verdictLines(targets: readonly Target[], result: TrialResult): string[] {
  return targets.flatMap(target => {
    const of = result.cases.find(each => each.label === target.case)
    const whose = target.of === undefined ? '' : `${target.of} `
    const what = whose + (target.metric === 'p99' ? 'p99 latency at most' : 'at most')
    return of ? [`${target.case}: ${what} ${target.atMost.toFixed(2)} of ${judge(target, of)}`] : []
  })
}

function judge({ of = subject, against, atMost, metric = 'cpu' }: Target, result: CaseResult): string {
  const own = figureOf(result, of, metric)
  const rivals = against.flatMap(name => {
    const figure = figureOf(result, name, metric)
    return figure === null ? [] : [{ name, figure }]
  })
  if (own === null) return `${against.join(' or ')}: not measured, as there is no ${of}`
  if (rivals.length === 0) return `${against.join(' or ')}: not measured, as there is no rival`
  const lowest = rivals.reduce((best, rival) => (rival.figure < best.figure ? rival : best))
  const ratio = own / lowest.figure
  return `${lowest.name}: ${ratio <= atMost ? 'met' : 'missed'} ${ratio.toFixed(2)}`
}

/** A median. CPU is that per byte; within a case, per request comes to the same ratio. */
function figureOf(result: CaseResult, peer: string, metric: 'cpu' | 'p99'): number | null {
  const row = result.rows.find(each => each.peer === peer)
  const figures = row === undefined ? null : figuresOf(row)
  if (figures === null) return null
  return metric === 'p99' ? figures.p99Us.median : figures.cpuMsPerGigabyte.median
}
