/** `sluice serve` on node:http: where there is no addon, or to compare. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { serveStatic } from '../http/serve-static.js'
import { logLine } from './log-line.js'
import { NodeTally } from './node-tally.js'
import { originOf, type Serving, type ServingOptions } from './serving.js'

/** How often connections that have become idle are looked for. */
const idleCheckMs = 50

/** `prefer`: `copy` copies where sendfile would do; `missing` is why it is not the native server. */
export async function serveNode(
  root: string,
  { host, port, threads, listing, spa, maxAge, log }: ServingOptions,
  { prefer, missing }: { prefer?: 'copy' | undefined; missing: string },
): Promise<Serving> {
  if (threads > 1) {
    const why = missing === '' ? '--engine ring or poll' : `the native server, which is not there: ${missing}`
    throw new SluiceError('ERR_SLUICE_OPTION', `--threads ${threads} needs ${why}`)
  }
  const tally = new NodeTally()
  const handler = serveStatic(root, {
    listing,
    spa,
    maxAge,
    prefer,
    onSend(result, req) {
      tally.add(result)
      if (log) process.stdout.write(logLine(result, req))
    },
  })
  const server = createServer(handler)
  // A client that shuts down its sending side after the request (nc, some scripts) still gets its answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  tally.watch(server)
  return {
    origin: originOf(await listen(server, { host, port })),
    engine: 'node',
    threads: 1,
    missing,
    counters: tally.counters,
    async close(graceMs) {
      const cutOff = await closeServer(server, graceMs)
      handler.close()
      return cutOff
    },
  }
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

async function closeServer(server: Server, graceMs: number): Promise<number> {
  let cutOff = 0
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  // Keep-alive connections become idle one after the other; each is closed then.
  const idleCheck = setInterval(() => server.closeIdleConnections(), idleCheckMs)
  const grace = setTimeout(() => {
    server.getConnections((_error, open) => {
      cutOff = open
      server.closeAllConnections()
    })
  }, graceMs)
  await closed
  clearInterval(idleCheck)
  clearTimeout(grace)
  return cutOff
}
