/**
 * Runs the trial of streams: every sample is a fresh process on one core that moves bytes, by sluice or by Node's
 * streams; what has it do so runs on another. The two take turns as the servers of run.ts do.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BenchError, messageOf } from '../fail.js'
import { cpuBetween, readCpu } from '../measure/cpu.js'
import { describeErrors } from '../measure/load.js'
import { startServer } from '../measure/server.js'
import { runTraffic, startUpstream } from '../relay/traffic.js'
import { type RunOptions, rotated, settleMs } from '../run.js'
import { Scratch, writeRandomFile } from '../scratch.js'
import type { StreamRow, StreamSample, StreamTrialResult } from './result.js'
import type { Place } from './servers.js'
import { fileBytes, type Mover, movers, type StreamJob, type StreamTrial } from './trial.js'

const program = fileURLToPath(new URL('serve.js', import.meta.url))

/** Throws what the signal was aborted with; a process that fails is a failure in the result and nothing more. */
export async function runStreamTrial(
  { name, title, jobs }: StreamTrial,
  options: RunOptions,
  signal: AbortSignal,
): Promise<StreamTrialResult> {
  await using scratch = await Scratch.create()
  const source = join(scratch.path, 'source')
  await writeRandomFile(source, fileBytes)
  const results = jobs.map(job => ({
    ...job,
    rows: movers.map((mover): StreamRow => ({ mover, samples: [], failures: [] })),
  }))
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const [index, { rows, ...job }] of results.entries()) {
      for (const row of rotated(rows, repetition + index)) {
        options.onProgress(`${repetition + 1}/${options.repetitions} ${job.label} ${row.mover}`)
        const place = { source, sink: join(scratch.path, 'sink') }
        try {
          row.samples.push(await sample(job, row.mover, { place, options, signal }))
        } catch (error) {
          signal.throwIfAborted()
          row.failures.push(messageOf(error))
        }
        await rm(place.sink, { force: true })
      }
    }
  }
  return { name, title, jobs: results }
}

interface SampleContext {
  place: Omit<Place, 'upstream'>
  options: RunOptions
  signal: AbortSignal
}

/** A fresh process: a warm-up first, then the job between two readings of the clocks. */
async function sample(
  { label, traffic, bytesPerMessage }: StreamJob,
  mover: Mover,
  { place, options, signal }: SampleContext,
): Promise<StreamSample> {
  const placing = { core: options.cores.client, signal }
  await using upstream = await startUpstream(placing.core, signal)
  const where: Place = { ...place, upstream: upstream.port }
  const argv = [process.execPath, program, label, mover, JSON.stringify(where)] as const
  await using server = await startServer({ argv }, options.cores.server, signal)
  const { port } = server
  await runTraffic(traffic, { port, seconds: options.warmupSeconds }, placing)
  await sleep(settleMs)
  const before = readCpu(server.pid)
  const result = await runTraffic(traffic, { port, seconds: options.seconds }, placing)
  await sleep(settleMs)
  const cpu = cpuBetween(before, readCpu(server.pid))
  const errors = describeErrors(result.errors)
  if (errors !== '') throw new BenchError(`the traffic met errors: ${errors}`)
  const movedBytes = bytesPerMessage === undefined ? result.bytes : result.messages * bytesPerMessage
  if (movedBytes === 0) throw new BenchError('nothing was moved in time')
  return { ...result, movedBytes, moverCpuNs: cpu.ns }
}
