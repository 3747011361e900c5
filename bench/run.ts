/**
 * Runs a trial: every sample is a fresh server process on one core, and the servers take turns within each
 * repetition, in an order that moves on by one, so that a disturbance of the machine meets all of them alike.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError, messageOf } from './fail.js'
import type { Cores } from './measure/cores.js'
import { cpuBetween, readCpu } from './measure/cpu.js'
import { describeErrors, type Load, runLoad } from './measure/load.js'
import { startServer } from './measure/server.js'
import { type Expected, verifyAnswer } from './measure/verify.js'
import type { Found, Peer, Site } from './peers/peer.js'
import { type CaseResult, figuresOf, type Sample, type TrialResult } from './result.js'
import { Scratch, writeRandomFile } from './scratch.js'
import type { Case, Trial } from './trials.js'

export interface RunOptions {
  repetitions: number
  /** Length of one sample. */
  seconds: number
  /** Load before it, which is not counted: code is compiled and connections' windows grow. */
  warmupSeconds: number
  cores: Cores
  /** Told of every sample, for a person who waits. */
  onProgress(line: string): void
}

/** After a load the server still sees connections end; its clocks are read when it has come to rest. */
export const settleMs = 20

type Present<Place = Site> = Extract<Found<Place>, { version: string }>

export interface Contender<Place = Site> {
  peer: Peer<Place>
  found: Present<Place>
}

/** Throws what the signal was aborted with; a server that fails is a failure in the result and nothing more. */
export async function runTrial(trial: Trial, options: RunOptions, signal: AbortSignal): Promise<TrialResult> {
  const { contenders, skipped } = findPeers(trial.peers)
  if (contenders.length === 0) throw new BenchError(`none of the servers of ${trial.name} can run here`)
  await using scratch = await Scratch.create()
  const directory = await scratch.directory('files')
  const cases: PreparedCase[] = []
  const files = new Map<number, Expected>()
  for (const each of trial.cases) {
    const expected =
      files.get(each.fileBytes) ?? (await writeRandomFile(join(directory, nameOf(each)), each.fileBytes))
    files.set(each.fileBytes, expected)
    cases.push(prepare(each, expected, contenders))
  }
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const [index, prepared] of cases.entries()) {
      setRate(prepared, cases)
      for (const contender of turnsOf(prepared, repetition + index)) {
        const place = `${repetition + 1}/${options.repetitions} ${prepared.result.label} ${contender.peer.name}`
        options.onProgress(place)
        await sampleInto(prepared, contender, { scratch, directory, options, signal })
      }
    }
  }
  return {
    name: trial.name,
    title: trial.title,
    peers: contenders.map(({ peer, found }) => ({
      name: peer.name,
      setup: peer.setup,
      version: found.version,
    })),
    skipped,
    cases: cases.map(prepared => prepared.result),
  }
}

/** What the schedule is by now; without that server's figure, as fast as answers come. */
function setRate({ load, rateOf }: PreparedCase, cases: readonly PreparedCase[]): void {
  if (rateOf === undefined) return
  const row = cases
    .find(({ result }) => result.label === rateOf.case)
    ?.result.rows.find(({ peer }) => peer === rateOf.peer)
  const figures = row === undefined ? null : figuresOf(row)
  if (figures !== null) load.rate = Math.round(figures.requestsPerSecond.median * rateOf.share)
}

/** Who is sampled in one repetition, in this order. */
function turnsOf({ contenders, samples }: PreparedCase, by: number): Contender[] {
  return Array.from({ length: samples }, (_, round) => rotated(contenders, by + round)).flat()
}

interface PreparedCase {
  contenders: readonly Contender[]
  samples: number
  load: Load
  rateOf: Case['rateOf']
  expected: Expected
  result: CaseResult
}

/** Cases of one size share a file: some servers know only one. */
function nameOf({ fileBytes }: Case): string {
  return `${fileBytes}.bin`
}

function prepare(trialCase: Case, expected: Expected, all: readonly Contender[]): PreparedCase {
  const contenders = all.filter(({ peer }) => trialCase.peers?.includes(peer.name) ?? true)
  return {
    contenders,
    samples: trialCase.samples ?? 1,
    load: { ...trialCase.load, path: `/${nameOf(trialCase)}`, length: trialCase.fileBytes },
    rateOf: trialCase.rateOf,
    expected,
    result: {
      label: trialCase.label,
      fileBytes: trialCase.fileBytes,
      load: trialCase.load,
      rows: contenders.map(({ peer }) => ({ peer: peer.name, samples: [], failures: [] })),
    },
  }
}

interface SampleContext {
  scratch: Scratch
  directory: string
  options: RunOptions
  signal: AbortSignal
}

async function sampleInto(
  prepared: PreparedCase,
  contender: Contender,
  context: SampleContext,
): Promise<void> {
  const row = prepared.result.rows.find(each => each.peer === contender.peer.name)!
  try {
    row.samples.push(await sample(prepared, contender, context))
  } catch (error) {
    context.signal.throwIfAborted()
    row.failures.push(messageOf(error))
  }
}

/** One fresh server: right answers first, then a warm-up, then the measured load between two readings of its clocks. */
async function sample(prepared: PreparedCase, contender: Contender, context: SampleContext): Promise<Sample> {
  const { directory, options, signal } = context
  const scratch = join(context.scratch.path, 'server')
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch)
  await using server = await startServer(
    await contender.found.command({ directory, scratch }),
    contender.peer.allCores ? [options.cores.server, options.cores.client] : options.cores.server,
    signal,
  )
  await verifyAnswer(server.port, prepared.load.path, prepared.expected, signal)
  const target = { port: server.port, core: options.cores.client, signal }
  await runLoad(prepared.load, { seconds: options.warmupSeconds }, target)
  await sleep(settleMs)
  const before = readCpu(server.pid)
  const load = await runLoad(prepared.load, { seconds: options.seconds }, target)
  await sleep(settleMs)
  const cpu = cpuBetween(before, readCpu(server.pid))
  const errors = describeErrors(load.errors)
  if (errors !== '') throw new BenchError(`the load met errors: ${errors}`)
  if (load.requests === 0) throw new BenchError('no request was answered in time')
  return { ...load, serverCpuNs: cpu.ns, serverCpuSource: cpu.source }
}

/** Those that can run here, and why the others cannot. */
export function findPeers<Place>(peers: readonly Peer<Place>[]): {
  contenders: Contender<Place>[]
  skipped: TrialResult['skipped']
} {
  const contenders: Contender<Place>[] = []
  const skipped: TrialResult['skipped'] = []
  for (const peer of peers) {
    const found = peer.find()
    if ('missing' in found) skipped.push({ name: peer.name, reason: found.missing })
    else contenders.push({ peer, found })
  }
  return { contenders, skipped }
}

export function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
