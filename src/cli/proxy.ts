/** `sluice proxy`: a TCP proxy and traffic mirror. */
import { Command } from 'commander'
import { SluiceError } from '../base/errors.js'
import { preferEngineWait } from '../engine/default.js'
import { showAddress } from '../relay/address.js'
import { type ProxyFile, readProxyFile } from '../relay/config-file.js'
import { connectionLine } from '../relay/connection-line.js'
import { proxyMetrics } from '../relay/metrics.js'
import type { ProxyOptions } from '../relay/options.js'
import { createProxy } from '../relay/proxy.js'
import type { TcpProxy } from '../relay/proxy-types.js'
import { rehearse } from '../relay/rehearsal.js'
import { LineWriter } from './line-writer.js'
import { type MetricsAddress, parseMetricsAddress, serveMetrics } from './metrics-server.js'
import { parseDuration } from './parse-duration.js'
import type { ProxyFlags } from './proxy-flag-values.js'
import { addProxyFlags, optionsFrom } from './proxy-flags.js'
import { shutDownOnSignals } from './shut-down.js'
import { tellOfUpstreams } from './upstream-news.js'

/** As `sluice serve` has it. */
const graceMsDefault = 10_000

interface RunOptions {
  config?: string
  metrics?: MetricsAddress
  log?: true
  grace?: number
}

export function proxyCommand(): Command {
  const command = new Command('proxy').description(
    'Passes TCP connections on to upstreams, without copying their bytes where the machine allows it.',
  )
  const flags = addProxyFlags(command)
  return command
    .option('--config <file>', 'options as JSON, which flags go before; SIGHUP reads it again')
    .option('--metrics <host:port>', 'where Prometheus finds counters, under /metrics', parseMetricsAddress)
    .option('--log', 'print a line for every connection that is over')
    .option('--grace <time>', 'how long SIGTERM and SIGINT let connections go on (default: 10s)', text =>
      parseDuration('--grace', text),
    )
    .action((options: RunOptions) => run(flags, options))
}

async function run(
  flags: ProxyFlags,
  { config, metrics, log, grace = graceMsDefault }: RunOptions,
): Promise<void> {
  // What serves others must not end because nobody reads its log any more.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  const lines = new LineWriter(process.stdout)
  const read = (): ProxyOptions => {
    const file: ProxyFile = config === undefined ? {} : readProxyFile(config)
    const onEnd: ProxyOptions['onEnd'] = log && (end => lines.write(connectionLine(end)))
    return { ...optionsFrom(flags, file), onEnd }
  }
  const endNews = tellOfUpstreams(process.stderr)
  preferEngineWait()
  await rehearse()
  const proxy = await createProxy(read())
  const close = (graceMs: number): Promise<number> => {
    // That upstreams drain now is no news.
    endNews()
    return proxy.close({ graceMs })
  }
  const metricsServer = await serveMetrics(metrics, () => proxyMetrics(proxy)).catch(async error => {
    await close(0)
    throw error
  })
  process.stdout.write(`listening on ${showAddress(proxy.address)}\n${metricsServer.line}`)
  const onHangUp = (): void => void reload(proxy, read, config)
  // Without a file there is nothing to be read again, and a terminal that closes ends the process as usual.
  if (config !== undefined) process.on('SIGHUP', onHangUp)
  await shutDownOnSignals({ close }, grace)
  process.off('SIGHUP', onHangUp)
  metricsServer.stop()
}

/** What is wrong in the file changes nothing, and is said. */
async function reload(proxy: TcpProxy, read: () => ProxyOptions, config: string | undefined): Promise<void> {
  try {
    await proxy.reload(read())
    process.stderr.write(`sluice: ${config} was read again\n`)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    process.stderr.write(`sluice: nothing was changed: ${error.message}\n`)
  }
}
