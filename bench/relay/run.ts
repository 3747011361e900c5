/**
 * Runs a trial of proxies: every repetition starts fresh ones, all on one core, each with an upstream that shares
 * another with the client. One of them has traffic at a time.
 */
import { setMaxListeners } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError, messageOf } from '../fail.js'
import { cpuBetween, readCpu } from '../measure/cpu.js'
import { describeErrors } from '../measure/load.js'
import { type Server, startServer } from '../measure/server.js'
import type { RelaySite } from '../peers/peer.js'

import { type Contender, findPeers, type RunOptions, rotated, settleMs } from '../run.js'
import { Scratch } from '../scratch.js'
import type { RelayCaseResult, RelayRow, RelaySample, RelayTrialResult } from './result.js'
import { runTraffic, startUpstream } from './traffic.js'
import type { RelayCase, RelayTrial } from './trial.js'
import { verifyProxy } from './verify.js'

/** Throws what the signal was aborted with; a proxy that fails is a failure in the result and nothing more. */
export async function runRelayTrial(
  trial: RelayTrial,
  options: RunOptions,
  signal: AbortSignal,
): Promise<RelayTrialResult> {
  const { contenders, skipped } = findPeers(trial.proxies)
  if (contenders.length === 0) throw new BenchError(`none of the proxies of ${trial.name} can run here`)
  // All proxies of a repetition run at once, each with an upstream: no leak, whatever their number.
  setMaxListeners(0, signal)
  await using scratch = await Scratch.create()
  const cases = trial.cases.map(each => ({
    ...each,
    rows: contenders.map(({ peer }): RelayRow => ({ peer: peer.name, samples: [], failures: [] })),
  }))
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const [index, each] of cases.entries()) {
      const order = rotated(contenders, repetition + index)
      const says = (peer: string): void =>
        options.onProgress(`${repetition + 1}/${options.repetitions} ${each.label} ${peer}`)
      await repeat(each, order, { scratch, options, signal, says })
    }
  }
  return {
    name: trial.name,
    title: trial.title,
    peers: contenders.map(({ peer: { name, setup }, found: { version } }) => ({ name, setup, version })),
    skipped,
    cases,
  }
}

interface Context {
  scratch: Scratch
  options: RunOptions
  signal: AbortSignal
  /** Tells which proxy it is about now. */
  says(peer: string): void
}

/** A proxy that is warm, and the end behind it. */
interface Stand extends AsyncDisposable {
  readonly row: RelayRow
  readonly proxy: Server
  readonly upstream: Server
}

/** Fresh proxies for all, which then take turns: what disturbs the machine for a while meets each of them alike. */
async function repeat(
  each: RelayCaseResult,
  contenders: readonly Contender<RelaySite>[],
  context: Context,
): Promise<void> {
  const { turns = 1 } = each
  const stands: Stand[] = []
  try {
    for (const contender of contenders) {
      const row = each.rows.find(({ peer }) => peer === contender.peer.name)!
      context.says(row.peer)
      const stand = await recorded(row, context.signal, () => open(each, { row, contender }, context))
      if (stand !== null) stands.push(stand)
    }
    for (let turn = 0; turn < turns; turn++) {
      for (const stand of rotated(stands, turn)) {
        const { row } = stand
        context.says(row.peer)
        const sample = await recorded(row, context.signal, () => measure(each, stand, context))
        if (sample !== null) row.samples.push(sample)
      }
    }
  } finally {
    for (const stand of stands) await stand[Symbol.asyncDispose]()
  }
}

/** null where it failed, which is noted. */
async function recorded<Value>(
  row: RelayRow,
  signal: AbortSignal,
  work: () => Promise<Value>,
): Promise<Value | null> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    row.failures.push(messageOf(error))
    return null
  }
}

/** Right bytes first, then a warm-up. */
async function open(
  { traffic, warmups = 1 }: RelayCase,
  { row, contender }: { row: RelayRow; contender: Contender<RelaySite> },
  context: Context,
): Promise<Stand> {
  const { options, signal } = context
  const scratch = join(context.scratch.path, row.peer)
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch)
  const placing = { core: options.cores.client, signal }
  const upstream = await startUpstream(placing.core, signal)
  try {
    const command = await contender.found.command({ upstream: upstream.port, scratch })
    const proxy = await startServer(command, options.cores.server, signal)
    try {
      await verifyProxy(proxy.port, signal)
      await runTraffic(traffic, { port: proxy.port, seconds: options.warmupSeconds * warmups }, placing)
    } catch (error) {
      await proxy[Symbol.asyncDispose]()
      throw error
    }
    const dispose = async (): Promise<void> => {
      await proxy[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    }
    return { row, proxy, upstream, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await upstream[Symbol.asyncDispose]()
    throw error
  }
}

/** Traffic between two readings of the clocks. */
async function measure(
  { traffic, turns = 1 }: RelayCase,
  { proxy, upstream }: Stand,
  { options, signal }: Context,
): Promise<RelaySample> {
  const placing = { core: options.cores.client, signal }
  await sleep(settleMs)
  const before = { proxy: readCpu(proxy.pid), upstream: readCpu(upstream.pid) }
  const result = await runTraffic(traffic, { port: proxy.port, seconds: options.seconds / turns }, placing)
  await sleep(settleMs)
  const cpu = cpuBetween(before.proxy, readCpu(proxy.pid))
  const upstreamCpu = cpuBetween(before.upstream, readCpu(upstream.pid))
  const errors = describeErrors(result.errors)
  if (errors !== '') throw new BenchError(`the traffic met errors: ${errors}`)
  if (result.bytes === 0) throw new BenchError('nothing came through in time')
  return { ...result, upstreamCpuMs: upstreamCpu.ns / 1e6, proxyCpuNs: cpu.ns, proxyCpuSource: cpu.source }
}
