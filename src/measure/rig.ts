/** One pair of ends, open: moves bytes by one path or another, and says what that cost this process. */

import { isList, type SourceLike } from '../transfer/ends/ends.js'
import type { TransferResult } from '../transfer/jobs/job.js'
import type { PathName, PlanOptions } from '../transfer/plan/path.js'
import { plan } from '../transfer/plan/plan.js'
import { transfer } from '../transfer/transfer.js'
import type { Drain } from './drains.js'
import type { Experiment } from './experiments.js'
import type { Laboratory } from './laboratory.js'
import type { Supply } from './supplies.js'

/** What came of a batch of transfers. */
export interface Batch {
  /** CPU time of this process for one of them, all of its threads, in nanoseconds. */
  readonly ns: number
  /** The path of the last one, and why. */
  readonly path: PathName
  readonly why: string
}

export interface BatchOptions {
  readonly bytes: number
  /** How many transfers; fewer where so many cannot be made ready at once. */
  readonly count: number
  /** As `transfer` takes it. */
  readonly prefer: PathName | undefined
}

const smallBytes = 256

/** What it works with; other ones are opened where these were broken. */
interface Ends {
  readonly supply: Supply
  readonly drain: Drain
}

export class Rig {
  readonly experiment: Experiment
  /** What a plan considers between these two. */
  readonly paths: readonly PathName[]
  readonly #lab: Laboratory
  #ends: Ends | null

  static async open(lab: Laboratory, experiment: Experiment): Promise<Rig> {
    const ends = await openEnds(lab, experiment)
    const { supply, drain } = ends
    const source = await supply.prepare(smallBytes, 1)
    try {
      const { path, rejected } = plan(source(), drain.sink, { bytes: smallBytes })
      return new Rig(lab, experiment, ends, [path, ...rejected.map(other => other.path)])
    } finally {
      supply.clear()
    }
  }

  private constructor(lab: Laboratory, experiment: Experiment, ends: Ends, paths: readonly PathName[]) {
    this.experiment = experiment
    this.paths = paths
    this.#lab = lab
    this.#ends = ends
  }

  /** @throws what the transfers throw, and an error where they do not end in time */
  async run(options: BatchOptions): Promise<Batch> {
    const ends = this.#ends ?? (await timely(openEnds(this.#lab, this.experiment)))
    // Until the batch has ended well: after a failure nobody knows what is still on its way.
    this.#ends = null
    const batch = await timely(runBatch(ends, options))
    this.#ends = ends
    return batch
  }
}

async function openEnds(lab: Laboratory, { supply, drain }: Experiment): Promise<Ends> {
  return { supply: await supply(lab), drain: await drain(lab) }
}

async function runBatch({ supply, drain }: Ends, { bytes, count, prefer }: BatchOptions): Promise<Batch> {
  const transfers = Math.min(count, supply.countMax, drain.countMax)
  try {
    const source = await supply.prepare(bytes, drain.countBefore + transfers)
    const options = { prefer, bytes }
    for (let i = 0; i < drain.countBefore; i++) await move(source(), drain.sink, options)
    // Microseconds, from the scheduler's own clock: coarse for one transfer, exact for a batch.
    const before = process.cpuUsage()
    let result = await move(source(), drain.sink, options)
    for (let i = 1; i < transfers; i++) result = await move(source(), drain.sink, options)
    const { user, system } = process.cpuUsage(before)
    await drain.settle(bytes * (drain.countBefore + transfers))
    return { ns: ((user + system) * 1000) / transfers, path: result.path, why: result.why }
  } finally {
    supply.clear()
  }
}

function move(from: SourceLike, to: Drain['sink'], options: PlanOptions): Promise<TransferResult> {
  return isList(to) ? transfer(from, to, options) : transfer(from, to, options)
}

/** Nothing that is measured takes so long: it hangs. */
const batchMsMax = 5_000

async function timely<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${batchMsMax / 1000} s`)), batchMsMax)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
