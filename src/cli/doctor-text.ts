/** The doctor's report for people: a row for each technique, then what to do about those that could do more. */
import type { DoctorReport, Status, Technique } from '../doctor/report.js'
import { capabilityNames } from '../doctor/surroundings.js'
import { costsLine } from './costs-text.js'
import { type Cell, gap, type Layout, type Row, table, wrap } from './rows.js'

const signs: Record<Status, string> = { ready: '✓', limited: '~', missing: '✗' }
const colours: Record<Status, number> = { ready: 32, limited: 33, missing: 31 }
const bold = 1

export function reportText(report: DoctorReport, layout: Layout): string {
  const { techniques } = report
  const lines = [
    ...heading(report).flatMap(text => wrap(text, layout.columns)),
    '',
    ...table(techniques.map(techniqueRow), layout),
    '',
    summary(techniques),
  ]
  const remedies = remedyRows(techniques)
  if (remedies.length > 0) lines.push('', 'What would change that:', '', ...table(remedies, layout))
  return `${lines.join('\n')}\n`
}

function techniqueRow({ name, status, proof, reason }: Technique): Row {
  return { cells: [signOf(status), { text: name, colour: bold }, { text: proof ?? '' }], text: reason }
}

/** One row for each remedy: what stands in the way of several techniques is said once. */
function remedyRows(techniques: readonly Technique[]): Row[] {
  const rows = new Map<string, { first: Technique; count: number }>()
  for (const technique of techniques) {
    if (technique.remedy === null) continue
    const row = rows.get(technique.remedy)
    if (row === undefined) rows.set(technique.remedy, { first: technique, count: 1 })
    else row.count++
  }
  return [...rows].map(([remedy, { first, count }]) => {
    const name = count === 1 ? first.name : `${first.name} and ${count - 1} more`
    return { cells: [signOf(first.status), { text: name, colour: bold }], text: remedy }
  })
}

function heading({ kernel, arch, node, addon, user, engine, costs }: DoctorReport): string[] {
  const who = user.name === '' ? `uid ${user.uid}` : user.name
  const lacking = capabilityNames.filter(name => !user.capabilities.includes(name))
  return [
    `Linux ${kernel} on ${arch}, Node ${node}${addon.loaded ? '' : ', without the addon'}`,
    `tried as ${who}${user.seccomp ? ' under a seccomp filter' : ''}${lacking.length === 0 ? '' : `; root would add ${lacking.join(', ')}`}`,
    `engine: ${engine.name ?? 'none'} (${engine.why})`,
    costsLine(costs),
  ]
}

function summary(techniques: readonly Technique[]): string {
  const count = (status: Status): number => techniques.filter(technique => technique.status === status).length
  return (Object.keys(signs) as Status[])
    .map(status => `${signs[status]} ${count(status)} ${status}`)
    .join(gap)
}

function signOf(status: Status): Cell {
  return { text: signs[status], colour: colours[status] }
}
