/** Whether sluice is where it must be beside other proxies, target by target. */
import { type RelayFigures, type RelayTrialResult, relayFigures } from '../relay/result.js'
import type { RelayTarget } from '../relay/trial.js'
import { subject } from './table.js'

const names: Readonly<Record<RelayTarget['metric'], string>> = {
  cpu: 'CPU',
  rate: 'rate',
  p50: 'p50',
  p99: 'p99',
}

/** One line each, such as `1 stream, CPU: at most 0.75 of haproxy: met 0.61`. */
export function relayVerdicts(targets: readonly RelayTarget[], result: RelayTrialResult): string[] {
  return targets.flatMap(target => {
    const of = result.cases.find(each => each.label === target.case)
    if (of === undefined) return []
    const figures = (name: string): RelayFigures | null => {
      const row = of.rows.find(({ peer }) => peer === name)
      return row === undefined ? null : relayFigures(of, row)
    }
    const wanted = `${target.case}, ${names[target.metric]}: at ${target.bound} ${target.limit.toFixed(2)} of`
    return [`${wanted} ${judge(target, figures)}`]
  })
}

function judge(
  { metric, bound, limit, against }: RelayTarget,
  figuresOf: (name: string) => RelayFigures | null,
): string {
  const own = figuresOf(subject)
  const rivals = against.flatMap(name => {
    const figures = figuresOf(name)
    return figures === null ? [] : [{ name, figures }]
  })
  if (own === null) return `${against.join(' or ')}: not measured, as there is no ${subject}`
  if (rivals.length === 0) return `${against.join(' or ')}: not measured, as there is no rival`
  const sign = bound === 'most' ? 1 : -1
  const value = ({ figures }: (typeof rivals)[number]): number => sign * figures[metric].median
  const { name, figures } = rivals.reduce((best, rival) => (value(rival) < value(best) ? rival : best))
  const ratio = own[metric].median / figures[metric].median
  const met = sign * ratio <= sign * limit
  // Then it says more about client and upstream than about the proxies.
  const shared = metric === 'rate' && own.loadBound && figures.loadBound
  return `${name}: ${met ? 'met' : 'missed'} ${ratio.toFixed(2)}${shared ? ' (both limited by the load)' : ''}`
}
