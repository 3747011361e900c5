/** `--metrics host:port`: the counters for Prometheus, on a listener of their own. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { prometheusType } from '../base/prometheus.js'
import { originOf } from './serving.js'

export interface MetricsAddress {
  host: string
  port: number
}

/** `host:port`, `[ipv6]:port`, or a port alone for 127.0.0.1. */
export function parseMetricsAddress(text: string): MetricsAddress {
  const match = /^(?:(?:\[([\da-f:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (match !== null && port <= 65_535) return { host: match[1] ?? match[2] ?? '127.0.0.1', port }
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `--metrics must be host:port, as in 127.0.0.1:9090, not ${show(text)}`,
  )
}

export interface MetricsServer {
  /** Where it listens, a line for people; empty where there is none. */
  readonly line: string
  stop(): void
}

const none: MetricsServer = { line: '', stop: () => {} }

/** Answers `/metrics` with what `metrics` gives then, where an address is given. */
export async function serveMetrics(
  address: MetricsAddress | undefined,
  metrics: () => string,
): Promise<MetricsServer> {
  if (address === undefined) return none
  const { host, port } = address
  const server = createServer((req, res) => {
    const found = req.url?.split('?')[0] === '/metrics'
    const allowed = req.method === 'GET' || req.method === 'HEAD'
    const text = !found ? 'The metrics are at /metrics.\n' : allowed ? metrics() : 'GET and HEAD only.\n'
    res.writeHead(!found ? 404 : allowed ? 200 : 405, {
      'Content-Type': found && allowed ? prometheusType : 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
      ...(found && !allowed ? { Allow: 'GET, HEAD' } : {}),
    })
    res.end(text)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const what = `Cannot listen for --metrics on ${host}:${port}: ${cause.code}`
      const remedy = 'Choose another --metrics address, or stop what listens there.'
      reject(new SluiceError('ERR_SLUICE_LISTEN', what, { cause, remedy }))
    })
    server.listen({ host, port }, () => {
      resolve({
        line: `metrics at ${originOf(server.address() as AddressInfo)}/metrics\n`,
        stop() {
          server.close()
          server.closeAllConnections()
        },
      })
    })
  })
}
