/** `npm run bench`: options, the run, the report. An interrupt ends every process and removes every file of the run. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { BenchError, messageOf } from './fail.js'
import { chooseCores } from './measure/cores.js'
import { currentNetwork, restartInOwnNetwork } from './network.js'
import { type BenchOptions, parseAll, usage } from './options.js'
import { runPathTrial } from './paths/run.js'
import { compilePrograms } from './programs.js'
import { benchBuild, projectRoot } from './project.js'
import { runRelayTrial } from './relay/run.js'
import { describeMachine } from './report/machine.js'
import { markdownReport } from './report/markdown.js'
import { pathsMarkdown, pathsReport } from './report/paths.js'
import { relayMarkdown, relayReport } from './report/relay.js'
import { ringMarkdown, ringReport } from './report/ring.js'
import { streamsMarkdown, streamsReport } from './report/streams.js'
import { terminalReport } from './report/terminal.js'
import { type BenchResult, type PathTrialResult, resultFormat } from './result.js'
import { runRingTrial } from './ring/run.js'
import { runTrial } from './run.js'
import { setUp } from './setup.js'
import { runStreamTrial } from './streams/run.js'

/** Returns the exit status. A missed target is a result, not a failure. */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController()
  const stop = (signal: NodeJS.Signals) => interrupt.abort(new BenchError(`ended by ${signal}`))
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    if (process.platform !== 'linux')
      throw new BenchError('the benchmark reads CPU clocks in /proc: it needs Linux')
    if (argv.includes('--setup')) return setUp() ? 0 : 1
    const each = parseAll(argv)
    if (each === null) {
      console.log(usage)
      return 0
    }
    const [options] = each as [BenchOptions]
    if (options.network === 'own' && !currentNetwork().own) {
      return await followed(restartInOwnNetwork(), interrupt.signal)
    }
    for (const trial of each) await bench(trial, interrupt.signal)
    return 0
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    console.error(`bench: ${messageOf(error)}`)
    return 1
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

/** Waits for a process that does all the work; it is told of an interrupt and cleans up after itself. */
async function followed(child: ChildProcess, signal: AbortSignal): Promise<number> {
  signal.addEventListener('abort', () => child.kill('SIGTERM'))
  const [status] = (await once(child, 'exit')) as [number | null]
  return status ?? 1
}

async function bench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const { trial, repetitions, seconds, warmupSeconds } = options
  if (!('pairs' in trial || 'steps' in trial)) compilePrograms()
  const cores = chooseCores()
  const machine = describeMachine(cores)
  const date = new Date().toISOString()
  const progress = progressLine()
  const runOptions = { repetitions, seconds, warmupSeconds, cores, onProgress: progress.show }
  const about = {
    format: resultFormat,
    date,
    machine,
    options: { repetitions, seconds, warmupSeconds },
  } as const
  if ('pairs' in trial) {
    const measured = await runPathTrial(trial, runOptions, signal).finally(progress.clear)
    const result: BenchResult<PathTrialResult> = { ...about, trial: measured }
    console.log(pathsReport(result))
    if (options.markdown) console.log(`\n${pathsMarkdown(result)}`)
    return await announce(result, options)
  }
  if ('steps' in trial) {
    const measured = await runRingTrial(trial, runOptions, signal).finally(progress.clear)
    const result = { ...about, trial: measured }
    console.log(ringReport(result, trial.targets))
    if (options.markdown) console.log(`\n${ringMarkdown(result)}`)
    return await announce(result, options)
  }
  if ('proxies' in trial) {
    const measured = await runRelayTrial(trial, runOptions, signal).finally(progress.clear)
    const result = { ...about, trial: measured }
    console.log(relayReport(result, trial.targets))
    if (options.markdown) console.log(`\n${relayMarkdown(result)}`)
    return await announce(result, options)
  }
  if ('jobs' in trial) {
    const measured = await runStreamTrial(trial, runOptions, signal).finally(progress.clear)
    const result = { ...about, trial: measured }
    console.log(streamsReport(result))
    if (options.markdown) console.log(`\n${streamsMarkdown(result)}`)
    return await announce(result, options)
  }
  const measured = await runTrial(trial, runOptions, signal).finally(progress.clear)
  const result: BenchResult = { ...about, trial: measured }
  console.log(terminalReport(result, trial.targets))
  if (options.markdown) console.log(`\n${markdownReport(result)}`)
  await announce(result, options)
}

async function announce(result: BenchResult<{ name: string }>, options: BenchOptions): Promise<void> {
  console.log(`\nraw result: ${relative(process.cwd(), await writeResult(result, options))}`)
}

async function writeResult(
  result: BenchResult<{ name: string }>,
  { out, save }: BenchOptions,
): Promise<string> {
  const directory = save ? join(projectRoot, 'bench', 'results') : join(benchBuild, 'results')
  // To the minute: a second run on the same day does not replace the first.
  const name = `${result.trial.name}-${result.date.slice(0, 16).replace(':', '')}.json`
  const path = out ?? join(directory, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`)
  return path
}

/** One line on standard error that is written over; a line for each step where that is not a terminal. */
function progressLine(): { show(line: string): void; clear(): void } {
  const erase = process.stderr.isTTY ? '\r\x1b[K' : ''
  const end = process.stderr.isTTY ? '' : '\n'
  return {
    show: line => void process.stderr.write(`${erase}${line}${end}`),
    clear: () => void process.stderr.write(erase),
  }
}
