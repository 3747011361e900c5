/** `sluice doctor`: what this machine can do without copying, and what it costs, as a table or as JSON. */
import { Command } from 'commander'
import { doctor } from '../doctor/doctor.js'
import { reportText } from './doctor-text.js'
import { terminalLayout } from './layout.js'
import { measureCosts } from './measure.js'

interface DoctorOptions {
  json?: true
  measure?: true
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Tries every technique on this machine and says what works, what does not, and what to change.',
    )
    .option('--json', 'print the report as JSON')
    .option(
      '--measure',
      'measure instead what each path costs here (some 13 s), and store it: plans are then made by it',
    )
    .action(async ({ json, measure }: DoctorOptions) => {
      if (measure) return await measureCosts(json === true)
      const report = await doctor()
      process.stdout.write(
        json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, terminalLayout()),
      )
    })
}
