/** `sluice serve` on threads of its own: io_uring or epoll. */
import { createFileServer } from '../server/file-server.js'
import { originOf, type Serving, type ServingOptions } from './serving.js'

const standardOutput = 1

export async function serveNative(
  root: string,
  { log, ...options }: ServingOptions,
  engine: 'auto' | 'ring' | 'poll',
): Promise<Serving> {
  const server = await createFileServer({
    root,
    ...options,
    engine,
    log: log ? standardOutput : undefined,
  })
  return {
    origin: originOf(server.address),
    engine: server.engine,
    threads: server.threads,
    missing: engine === 'poll' ? '' : server.engineMissing,
    get counters() {
      return server.counters
    },
    close: graceMs => server.close({ graceMs }),
  }
}
