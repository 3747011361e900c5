/** `sluice doctor --measure`: measures what each path costs, prints the table and stores it. */
import { SluiceError } from '../base/errors.js'
import { type Measurement, measure } from '../measure/measure.js'
import { costFileToWrite, writeCostFile } from '../transfer/plan/cost-file.js'
import { thisMachine } from '../transfer/plan/machine.js'
import { measurementText } from './costs-text.js'
import { terminalLayout } from './layout.js'

/** An interrupt ends it, having removed everything and stored nothing. */
export async function measureCosts(json: boolean): Promise<void> {
  const machine = thisMachine()
  // Before anything takes time: what cannot be stored is not measured.
  const path = costFileToWrite(machine)
  const measured = await untilInterrupted(measureWithProgress)
  if (measured === null) return
  const measuredAt = Date.now()
  writeCostFile(path, { machine, measuredAt, costs: measured.costs })
  process.stdout.write(
    json
      ? `${JSON.stringify({ path, machine, measuredAt: new Date(measuredAt).toISOString(), ...measured }, null, 2)}\n`
      : `${measurementText(measured, terminalLayout())}\nstored in ${path}\n`,
  )
}

async function measureWithProgress(signal: AbortSignal): Promise<Measurement> {
  const { stderr } = process
  if (!stderr.isTTY) return await measure({ signal })
  try {
    return await measure({
      signal,
      onProgress: (done, pair) => stderr.write(`\r\x1b[Kmeasuring ${Math.floor(done * 100)} %  ${pair}`),
    })
  } finally {
    stderr.write('\r\x1b[K')
  }
}

const statusBySignal = { SIGINT: 130, SIGTERM: 143 } as const
type Interrupt = keyof typeof statusBySignal

/** → what the work came to, or null, with the exit status set, where a signal ended it. */
async function untilInterrupted<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value | null> {
  const interrupt = new AbortController()
  const onSignal = (signal: Interrupt): void => {
    process.exitCode = statusBySignal[signal]
    interrupt.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await work(interrupt.signal)
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'ERR_SLUICE_ABORTED') throw error
    process.stderr.write('sluice: measuring was interrupted; nothing was stored\n')
    return null
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
