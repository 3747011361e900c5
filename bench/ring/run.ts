/** Runs a trial of descriptors: every sample is a fresh process on one core, the steps by turns. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { BenchError } from '../fail.js'
import { type Cores, pinned } from '../measure/cores.js'
import { cyclesMissing, cyclesPerNs, perfArguments } from './cycles.js'
import type { RingTrialResult } from './result.js'
import type { RingTrial, StepName } from './trial.js'

export interface RingRunOptions {
  repetitions: number
  seconds: number
  warmupSeconds: number
  cores: Cores
  onProgress(line: string): void
}

const sampleProgram = fileURLToPath(new URL('sample.js', import.meta.url))

/** Throws what the signal was aborted with, and a BenchError where a process fails. */
export async function runRingTrial(
  { name, title, steps }: RingTrial,
  options: RingRunOptions,
  signal: AbortSignal,
): Promise<RingTrialResult> {
  const result: RingTrialResult = {
    name,
    title,
    steps: steps.map(step => ({ ...step, ns: [], cyclesPerNs: [] })),
    cyclesMissing: cyclesMissing(),
  }
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const step of result.steps) {
      options.onProgress(`${repetition + 1}/${options.repetitions} ${step.name}`)
      const { ns, cycles } = await sample(step.name, options, result.cyclesMissing === '', signal)
      step.ns.push(ns)
      if (cycles !== null) step.cyclesPerNs.push(cycles)
    }
  }
  return result
}

async function sample(
  name: StepName,
  { seconds, warmupSeconds, cores }: RingRunOptions,
  withCycles: boolean,
  signal: AbortSignal,
): Promise<{ ns: number; cycles: number | null }> {
  const program = [process.execPath, sampleProgram, name, String(seconds), String(warmupSeconds)]
  const [command, ...args] = pinned(
    cores.server,
    withCycles ? ['perf', ...perfArguments, ...program] : program,
  )
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], signal })
  const failed = once(child, 'error').then(([error]) => {
    signal.throwIfAborted()
    throw new BenchError(`${name}: ${(error as Error).message}`)
  })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const [printed, said, [status]] = await Promise.race([ended, failed])
  if (status !== 0) throw new BenchError(`${name} failed: ${said.trim()}`)
  return { ns: JSON.parse(printed) as number, cycles: withCycles ? cyclesPerNs(said) : null }
}
