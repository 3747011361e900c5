/** Ending a server in good order: what is in flight may finish, for a while. */
import type { Server } from 'node:http'

/** How often connections that have become idle are looked for. */
const idleCheckMs = 50

/** Resolves when the server has been shut down by SIGTERM or SIGINT; the second signal ends the process at once. */
export function shutDownOnSignals(server: Server, graceMs: number): Promise<void> {
  return new Promise(resolve => {
    let stopping = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143)
      stopping = true
      shutDown(server, graceMs).then(() => {
        process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
        resolve()
      })
    }
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  })
}

async function shutDown(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  // Keep-alive connections become idle one after the other; each is closed then.
  const idleCheck = setInterval(() => server.closeIdleConnections(), idleCheckMs)
  const grace = setTimeout(() => void cutOff(server), graceMs)
  await closed
  clearInterval(idleCheck)
  clearTimeout(grace)
}

async function cutOff(server: Server): Promise<void> {
  const count = await new Promise<number>(resolve => server.getConnections((_error, open) => resolve(open)))
  process.stderr.write(
    `sluice: cut off ${count} ${count === 1 ? 'connection' : 'connections'} after the grace period\n`,
  )
  process.exitCode = 1
  server.closeAllConnections()
}
