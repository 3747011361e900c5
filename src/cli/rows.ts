/** Lines for people: cells in columns, each row followed by a text that is wrapped beside them. */
export interface Layout {
  /** How wide a line may be, in characters. */
  readonly columns: number
  readonly colour: boolean
}

/** A cell's text, and how it is painted: colours have no width. */
export interface Cell {
  readonly text: string
  /** An SGR code of ECMA-48. */
  readonly colour?: number
}

/** Cells, and a text that is wrapped beside them. */
export interface Row {
  readonly cells: readonly Cell[]
  readonly text: string
}

export const gap = '  '
/** After a column of single signs: a sign belongs to what follows it. */
const signGap = ' '

/** Rows of cells of equal width, each followed by a text that is wrapped beside them. */
export function table(rows: readonly Row[], { columns, colour }: Layout): string[] {
  const widths = rows[0]!.cells.map((_, column) =>
    Math.max(...rows.map(({ cells }) => cells[column]!.text.length)),
  )
  const gapAfter = (column: number): string => (widths[column] === 1 ? signGap : gap)
  const indent = widths.reduce((sum, width, column) => sum + width + gapAfter(column).length, 0)
  return rows.flatMap(({ cells, text }) => {
    const head = cells.map((cell, column) => paint(cell, widths[column]!, colour) + gapAfter(column)).join('')
    return wrap(text, columns - indent).map((line, i) => (i === 0 ? head : ' '.repeat(indent)) + line)
  })
}

export function paint({ text, colour }: Cell, width: number, colours: boolean): string {
  const padded = text.padEnd(width)
  return colours && colour !== undefined ? `\x1b[${colour}m${padded}\x1b[0m` : padded
}

/** Lines of at most so many characters, broken between words; a longer word stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && line.length <= columns) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines
}
