/** The command `sluice`: one subcommand a file; errors are one line with a remedy, and a non-zero status. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { SluiceError } from '../base/errors.js'
import { doctorCommand } from './doctor.js'
import { explainCommand } from './explain.js'
import { proxyCommand } from './proxy.js'
import { serveCommand } from './serve.js'

export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('sluice')
    .description('Zero-copy networking for Node.js: bytes move without passing through JavaScript.')
    .version(packageVersion())
    .showHelpAfterError('(sluice --help tells what there is)')
    .addCommand(serveCommand())
    .addCommand(proxyCommand())
    .addCommand(doctorCommand())
    .addCommand(explainCommand())
  try {
    await program.parseAsync(argv)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    process.stderr.write(`sluice: ${error.message}\n`)
    process.exitCode = 1
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
