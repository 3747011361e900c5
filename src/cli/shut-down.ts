/** Ending a server in good order: what is in flight may finish, for a while. */
import type { Serving } from './serving.js'

/** Resolves when the server has been shut down by SIGTERM or SIGINT; the second signal ends the process at once. */
export function shutDownOnSignals(serving: Pick<Serving, 'close'>, graceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143)
      stopping = true
      serving
        .close(graceMs)
        .then(tellOfCutOff)
        .then(() => {
          process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
          resolve()
        }, reject)
    }
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  })
}

function tellOfCutOff(count: number): void {
  if (count === 0) return
  process.stderr.write(
    `sluice: cut off ${count} ${count === 1 ? 'connection' : 'connections'} after the grace period\n`,
  )
  process.exitCode = 1
}
