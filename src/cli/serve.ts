/** `sluice serve`: a directory over HTTP. */
import { Command, Option } from 'commander'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { addonMissing, native } from '../native/load.js'
import { metricsText } from '../server/metrics-text.js'
import { sendfileRefusal } from '../server/sendfile-refusal.js'
import { type MetricsAddress, parseMetricsAddress, serveMetrics } from './metrics-server.js'
import { serveNative } from './serve-native.js'
import { serveNode } from './serve-node.js'
import type { Serving } from './serving.js'
import { shutDownOnSignals } from './shut-down.js'

const engines = ['auto', 'ring', 'poll', 'node', 'copy'] as const

interface ServeOptions {
  host: string
  port: number
  threads: number
  listing: boolean
  spa: boolean
  maxAge: number
  log: boolean
  engine: (typeof engines)[number]
  metrics?: MetricsAddress
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
      wholeNumber('--port', { min: 0, max: 65_535 }),
      8080,
    )
    .option(
      '--threads <number>',
      'threads that serve, each with connections of its own',
      wholeNumber('--threads', { min: 1, max: 1024 }),
      1,
    )
    .option('--listing', 'answer directories without index.html with a list of what is in them', false)
    .option('--spa', 'answer paths that are no files with index.html', false)
    .option(
      '--max-age <seconds>',
      'how long caches may keep files without asking',
      wholeNumber('--max-age', { min: 0, max: 2 ** 31 - 1 }),
      0,
    )
    .option('--log', 'print a line for every finished request', false)
    .addOption(
      new Option(
        '--engine <name>',
        'ring: io_uring; poll: epoll; node: node:http; copy: node:http, always by copying; auto: the first that works',
      )
        .choices(engines)
        .default('auto'),
    )
    .option('--metrics <host:port>', 'where Prometheus finds counters, under /metrics', parseMetricsAddress)
    .option('--grace <seconds>', 'how long SIGTERM and SIGINT let downloads go on', seconds, 10)
    .action(serve)
}

async function serve(directory: string, options: ServeOptions): Promise<void> {
  // What serves others must not end because nobody reads its log any more.
  process.stdout.on('error', () => {})
  const serving = await open(directory, options)
  const metricsServer = await serveMetrics(options.metrics, () => metricsText(serving.counters)).catch(
    async error => {
      await serving.close(0)
      throw error
    },
  )
  const { origin, engine, threads, missing } = serving
  process.stdout.write(
    `listening on ${origin} (${engine}, ${threads} ${threads === 1 ? 'thread' : 'threads'})\n${metricsServer.line}`,
  )
  if (missing !== '') process.stderr.write(`sluice: serving by ${engine}: ${missing}\n`)
  await shutDownOnSignals(serving, options.grace * 1000)
  metricsServer.stop()
}

function open(directory: string, { engine, ...options }: ServeOptions): Promise<Serving> {
  if (engine === 'node') return serveNode(directory, options, { missing: '' })
  if (engine === 'copy') return serveNode(directory, options, { prefer: 'copy', missing: '' })
  if (engine === 'auto') {
    const missing = native === null ? addonMissing : (sendfileRefusal(native)?.message ?? '')
    if (missing !== '') return serveNode(directory, options, { missing })
  }
  return serveNative(directory, options, engine)
}

function wholeNumber(option: string, { min, max }: { min: number; max: number }): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `${option} must be a whole number, ${min} to ${max}, not ${show(text)}`,
    )
  }
}

function seconds(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value <= 86_400) return value
  throw new SluiceError('ERR_SLUICE_OPTION', `--grace must be seconds, 0 to 86400, not ${show(text)}`)
}
