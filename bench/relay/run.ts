/**
 * Runs a trial of proxies: every sample is a fresh proxy on one core, between a client and an upstream that share
 * another. The proxies take turns as the servers of run.ts do.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError, messageOf } from '../fail.js'
import { cpuBetween, readCpu } from '../measure/cpu.js'
import { describeErrors } from '../measure/load.js'
import { startServer } from '../measure/server.js'
import type { RelaySite } from '../peers/peer.js'

import { type Contender, findPeers, type RunOptions, rotated, settleMs } from '../run.js'
import { Scratch } from '../scratch.js'
import type { RelayRow, RelaySample, RelayTrialResult } from './result.js'
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
  await using scratch = await Scratch.create()
  const cases = trial.cases.map(each => ({
    ...each,
    rows: contenders.map(({ peer }): RelayRow => ({ peer: peer.name, samples: [], failures: [] })),
  }))
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const [index, each] of cases.entries()) {
      const { label, rows } = each
      for (const contender of rotated(contenders, repetition + index)) {
        const { name } = contender.peer
        options.onProgress(`${repetition + 1}/${options.repetitions} ${label} ${name}`)
        const row = rows.find(({ peer }) => peer === name)!
        try {
          row.samples.push(await sample(each, contender, { scratch, options, signal }))
        } catch (error) {
          signal.throwIfAborted()
          row.failures.push(messageOf(error))
        }
      }
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

interface SampleContext {
  scratch: Scratch
  options: RunOptions
  signal: AbortSignal
}

/** A fresh proxy and upstream: right bytes first, then a warm-up, then traffic between two readings of the clocks. */
async function sample(
  { traffic, warmups = 1 }: RelayCase,
  { found }: Contender<RelaySite>,
  context: SampleContext,
): Promise<RelaySample> {
  const { options, signal } = context
  const scratch = join(context.scratch.path, 'proxy')
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch)
  const placing = { core: options.cores.client, signal }
  await using upstream = await startUpstream(placing.core, signal)
  const command = await found.command({ upstream: upstream.port, scratch })
  await using proxy = await startServer(command, options.cores.server, signal)
  const { port } = proxy
  await verifyProxy(port, signal)
  await runTraffic(traffic, { port, seconds: options.warmupSeconds * warmups }, placing)
  await sleep(settleMs)
  const before = { proxy: readCpu(proxy.pid), upstream: readCpu(upstream.pid) }
  const result = await runTraffic(traffic, { port, seconds: options.seconds }, placing)
  await sleep(settleMs)
  const cpu = cpuBetween(before.proxy, readCpu(proxy.pid))
  const upstreamCpu = cpuBetween(before.upstream, readCpu(upstream.pid))
  const errors = describeErrors(result.errors)
  if (errors !== '') throw new BenchError(`the traffic met errors: ${errors}`)
  if (result.bytes === 0) throw new BenchError('nothing came through in time')
  return { ...result, upstreamCpuMs: upstreamCpu.ns / 1e6, proxyCpuNs: cpu.ns, proxyCpuSource: cpu.source }
}
