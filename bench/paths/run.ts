/**
 * Runs a trial of paths. A pair is measured in a process of its own, all its paths by turns: between them the planner
 * chooses, so they must meet the same connections, compiled code and neighbours. Each repetition is a fresh process,
 * so that what one of them happens to be like does not decide.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { readCostFile } from '#sluice/transfer/plan/cost-file.js'
import type { PairName } from '#sluice/transfer/plan/costs.js'
import { BenchError } from '../fail.js'
import { projectRoot } from '../project.js'
import type { PathCell, PathTrialResult } from '../result.js'
import { Scratch } from '../scratch.js'
import type { PathTrial } from '../trials.js'
import type { PathSample } from './sample.js'

export interface PathRunOptions {
  repetitions: number
  /** How long a pair is measured at most. */
  seconds: number
  onProgress(line: string): void
}

const command = join(projectRoot, 'bin', 'sluice.js')
const sampleProgram = fileURLToPath(new URL('sample.js', import.meta.url))

/** Throws what the signal was aborted with, and a BenchError where a process fails. */
export async function runPathTrial(
  trial: PathTrial,
  { repetitions, seconds, onProgress }: PathRunOptions,
  signal: AbortSignal,
): Promise<PathTrialResult> {
  await using scratch = await Scratch.create()
  const costs = join(scratch.path, 'costs.json')
  onProgress('sluice doctor --measure')
  await output([command, 'doctor', '--measure'], costs, signal)
  const stored = readCostFile(costs)
  if (typeof stored === 'string') throw new BenchError(`no table was stored: ${stored}`)
  const result: PathTrialResult = {
    name: trial.name,
    title: trial.title,
    atMost: trial.atMost,
    table: stored.costs,
    cells: trial.pairs.flatMap(pair =>
      trial.cases.map(({ label, bytes }) => ({ pair, label, bytes, paths: [], picked: [] })),
    ),
    skipped: [],
  }
  const sizes = trial.cases.map(({ bytes }) => String(bytes))
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const pair of trial.pairs) {
      onProgress(`${repetition + 1}/${repetitions} ${pair}`)
      const said = await output([sampleProgram, pair, String(seconds * 1000), ...sizes], costs, signal)
      addSample(result, pair, JSON.parse(said) as PathSample)
    }
  }
  return result
}

function addSample(result: PathTrialResult, pair: PairName, { measured, picked }: PathSample): void {
  const cells = result.cells.filter(cell => cell.pair === pair)
  for (const [path, figures] of Object.entries(measured.costs[pair] ?? {})) {
    for (const [bytes, ns] of figures) add(cells.find(cell => cell.bytes === bytes)!, path, ns)
  }
  for (const [i, path] of picked.entries()) cells[i]!.picked.push(path)
  for (const skipped of measured.skipped) {
    const known = result.skipped.some(({ pair, path }) => pair === skipped.pair && path === skipped.path)
    if (!known) result.skipped.push(skipped)
  }
}

function add(cell: PathCell, name: string, ns: number): void {
  const path = name as PathCell['paths'][number]['path']
  const known = cell.paths.find(each => each.path === path)
  if (known === undefined) cell.paths.push({ path, ns: [ns] })
  else known.ns.push(ns)
}

/** What a Node program prints. It is asked to end by an abort, and cleans up after itself. */
async function output(args: readonly string[], costs: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SLUICE_COSTS: costs },
  })
  const stop = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', stop)
  try {
    const [said, complaint, status] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      ended(child),
    ])
    signal.throwIfAborted()
    if (status !== 0) throw new BenchError(`${args.join(' ')}: ${complaint.trim()}`)
    return said
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [status] = (await once(child, 'close')) as [number | null]
  return status
}
