/** `sluice doctor`: what this machine can do without copying, as a table or as JSON. */
import { Command } from 'commander'
import { doctor } from '../doctor/doctor.js'
import { reportText } from './doctor-text.js'

const columnsMin = 60
const columnsMax = 120
/** Where there is no terminal to ask. */
const columnsDefault = 80

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Tries every technique on this machine and says what works, what does not, and what to change.',
    )
    .option('--json', 'print the report as JSON')
    .action(async (options: { json?: true }) => {
      const report = await doctor()
      process.stdout.write(
        options.json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, layout()),
      )
    })
}

function layout(): { columns: number; colour: boolean } {
  const { isTTY, columns = columnsDefault } = process.stdout
  // https://no-color.org: any value but the empty one.
  const colour = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  return { columns: Math.min(Math.max(columns, columnsMin), columnsMax), colour }
}
