/** How lines are laid out for whoever reads them: as wide as the terminal, in colour where it has any. */
import type { Layout } from './rows.js'

const columnsMin = 60
const columnsMax = 120
/** Where there is no terminal to ask. */
const columnsDefault = 80

export function terminalLayout(): Layout {
  const { isTTY, columns = columnsDefault } = process.stdout
  // https://no-color.org: any value but the empty one.
  const colour = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  return { columns: Math.min(Math.max(columns, columnsMin), columnsMax), colour }
}
