/** `sluice serve`: a directory over HTTP. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Command, Option } from 'commander'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { defaultEngine, engineMissing } from '../engine/default.js'
import { serveStatic } from '../http/serve-static.js'
import type { PathName } from '../transfer/path.js'
import { logLine } from './log-line.js'
import { shutDownOnSignals } from './shut-down.js'

const engines = ['auto', 'poll', 'copy'] as const

interface ServeOptions {
  host: string
  port: number
  listing?: true
  spa?: true
  maxAge: number
  log?: true
  engine: (typeof engines)[number]
  grace: number
}

export function serveCommand(): Command {
  return new Command('serve')
    .description(
      'Serves the files below a directory over HTTP, without copying them where the machine allows it.',
    )
    .argument('[directory]', 'what to serve', '.')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option(
      '--port <number>',
      'port to listen on; 0 for any that is free',
      wholeNumber('--port', 65_535),
      8080,
    )
    .option('--listing', 'answer directories without index.html with a list of what is in them')
    .option('--spa', 'answer paths that are no files with index.html')
    .option(
      '--max-age <seconds>',
      'how long caches may keep files without asking',
      wholeNumber('--max-age', 2 ** 31 - 1),
      0,
    )
    .option('--log', 'print a line for every finished request')
    .addOption(
      new Option('--engine <name>', 'poll: without copying or not at all; copy: always by copying')
        .choices(engines)
        .default('auto'),
    )
    .option('--grace <seconds>', 'how long SIGTERM and SIGINT let downloads go on', seconds, 10)
    .action(serve)
}

async function serve(directory: string, options: ServeOptions): Promise<void> {
  const handler = serveStatic(directory, {
    listing: options.listing,
    spa: options.spa,
    maxAge: options.maxAge,
    prefer: preferredPath(options.engine),
    onSend: options.log && ((result, req) => process.stdout.write(logLine(result, req))),
  })
  const server = createServer(handler)
  // A client that shuts down its sending side after the request (nc, some scripts) still gets its answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  const { address, family, port } = await listen(server, options)
  // What serves others must not end because nobody reads its log any more.
  process.stdout.on('error', () => {})
  process.stdout.write(`listening on http://${family === 'IPv6' ? `[${address}]` : address}:${port}\n`)
  await shutDownOnSignals(server, options.grace * 1000)
  handler.close()
}

function preferredPath(engine: ServeOptions['engine']): PathName | undefined {
  if (engine === 'copy') return 'copy'
  if (engine === 'poll' && defaultEngine() === null) {
    throw new SluiceError('ERR_SLUICE_ADDON', `--engine poll cannot be used: ${engineMissing()}`)
  }
  return undefined
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new SluiceError('ERR_SLUICE_LISTEN', `Cannot listen on ${host}:${port}: ${cause.code}`, { cause }),
      )
    })
    server.listen({ host, port }, () => resolve(server.address() as AddressInfo))
  })
}

function wholeNumber(option: string, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value <= max) return value
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `${option} must be a whole number, 0 to ${max}, not ${show(text)}`,
    )
  }
}

function seconds(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value <= 86_400) return value
  throw new SluiceError('ERR_SLUICE_OPTION', `--grace must be seconds, 0 to 86400, not ${show(text)}`)
}
