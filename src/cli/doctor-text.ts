/** The doctor's report for people: a row for each technique, then what to do about those that could do more. */
import type { DoctorReport, Status, Technique } from '../doctor/report.js'
import { capabilityNames } from '../doctor/surroundings.js'

export interface Layout {
  /** How wide a line may be, in characters. */
  readonly columns: number
  readonly colour: boolean
}

const signs: Record<Status, string> = { ready: '✓', limited: '~', missing: '✗' }
/** SGR codes of ECMA-48. */
const colours: Record<Status, number> = { ready: 32, limited: 33, missing: 31 }
const bold = 1

/** A cell's text, and how it is painted: colours have no width. */
interface Cell {
  readonly text: string
  readonly colour?: number
}

/** Cells, and a text that is wrapped beside them. */
interface Row {
  readonly cells: readonly Cell[]
  readonly text: string
}

const gap = '  '
/** The sign belongs to the name after it. */
const signGap = ' '

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

function heading({ kernel, arch, node, addon, user }: DoctorReport): string[] {
  const who = user.name === '' ? `uid ${user.uid}` : user.name
  const lacking = capabilityNames.filter(name => !user.capabilities.includes(name))
  return [
    `Linux ${kernel} on ${arch}, Node ${node}${addon.loaded ? '' : ', without the addon'}`,
    `tried as ${who}${user.seccomp ? ' under a seccomp filter' : ''}${lacking.length === 0 ? '' : `; root would add ${lacking.join(', ')}`}`,
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

/** Rows of cells of equal width, each followed by a text that is wrapped beside them. */
function table(
  rows: readonly { cells: readonly Cell[]; text: string }[],
  { columns, colour }: Layout,
): string[] {
  const widths = rows[0]!.cells.map((_, column) =>
    Math.max(...rows.map(({ cells }) => cells[column]!.text.length)),
  )
  const gapAfter = (column: number): string => (column === 0 ? signGap : gap)
  const indent = widths.reduce((sum, width, column) => sum + width + gapAfter(column).length, 0)
  return rows.flatMap(({ cells, text }) => {
    const head = cells.map((cell, column) => paint(cell, widths[column]!, colour) + gapAfter(column)).join('')
    return wrap(text, columns - indent).map((line, i) => (i === 0 ? head : ' '.repeat(indent)) + line)
  })
}

function paint({ text, colour }: Cell, width: number, colours: boolean): string {
  const padded = text.padEnd(width)
  return colours && colour !== undefined ? `\x1b[${colour}m${padded}\x1b[0m` : padded
}

/** Lines of at most so many characters, broken between words; a longer word stays whole. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && line.length <= columns) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines
}
