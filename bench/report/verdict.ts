/** Whether sluice's server CPU is where it must be, target by target. */
import { type CaseResult, figuresOf, type TrialResult } from '../result.js'
import type { Target } from '../trials.js'
import { subject } from './table.js'

/** One line each, such as `100 MiB: at most 0.70 of nginx: met 0.43`. */
export function verdictLines(targets: readonly Target[], result: TrialResult): string[] {
  return targets.flatMap(target => {
    const of = result.cases.find(each => each.label === target.case)
    return of ? [`${target.case}: at most ${target.atMost.toFixed(2)} of ${judge(target, of)}`] : []
  })
}

function judge({ against, atMost }: Target, result: CaseResult): string {
  const own = cpuOf(result, subject)
  const rivals = against.flatMap(name => {
    const cpu = cpuOf(result, name)
    return cpu === null ? [] : [{ name, cpu }]
  })
  if (own === null) return `${against.join(' or ')}: not measured, as there is no ${subject}`
  if (rivals.length === 0) return `${against.join(' or ')}: not measured, as there is no rival`
  const cheapest = rivals.reduce((best, rival) => (rival.cpu < best.cpu ? rival : best))
  const ratio = own / cheapest.cpu
  return `${cheapest.name}: ${ratio <= atMost ? 'met' : 'missed'} ${ratio.toFixed(2)}`
}

/** The median CPU per byte; within a case, per request comes to the same ratio. */
function cpuOf(result: CaseResult, peer: string): number | null {
  const row = result.rows.find(each => each.peer === peer)
  return (row && figuresOf(row)?.cpuMsPerGigabyte.median) ?? null
}
