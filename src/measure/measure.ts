/**
 * Measures every path between every pair of ends on this machine: CPU time of this process by size.
 *
 * The paths of a pair take turns, so that what disturbs the machine meets them alike, and the figure is the lower
 * quartile of several batches. What a path refuses here is left out, with the reason.
 */
import { SluiceError } from '../base/errors.js'
import { KiB, MiB } from '../base/units.js'
import { addonMissing, native } from '../native/load.js'
import type { Costs, PairName } from '../transfer/plan/costs.js'
import type { PathName } from '../transfer/plan/path.js'
import { type Cell, costsOf, inTurns, isContested } from './cells.js'
import { type Experiment, experiments } from './experiments.js'
import { Laboratory } from './laboratory.js'
import { Rig } from './rig.js'
import { Stop } from './stop.js'

/** What is larger costs in proportion to the largest of these. */
export const measuredSizes = [256, 4 * KiB, 64 * KiB, 1 * MiB, 16 * MiB] as const

export interface MeasureOptions {
  readonly signal?: AbortSignal | undefined
  /** Told how much is done, 0 to 1, and what comes next. */
  readonly onProgress?: ((done: number, pair: PairName) => void) | undefined
  readonly experiments?: readonly Experiment[] | undefined
  /** Bytes, ascending. */
  readonly sizes?: readonly number[] | undefined
  /** How long it may take: it ends sooner where there is nothing more to learn. */
  readonly limitMs?: number | undefined
}

export interface Measurement {
  readonly costs: Costs
  readonly skipped: readonly Skipped[]
}

/** A path that cannot be taken here, or a whole pair. */
export interface Skipped {
  readonly pair: PairName
  readonly path: PathName | null
  readonly why: string
}

/** Together with starting and ending it, and a last batch that takes longer than expected, less than 15 s. */
const limitMsDefault = 12_500
/** What a batch is to take of the processor: the clock's microseconds are then a five-hundredth of it. */
const batchNs = 0.5e6
const countMax = 256
/** A first look at what a transfer costs, which also warms up the code. */
const countFirst = 32
const roundsMax = 40
/** From here on a single transfer takes longer than a batch, and is measured in every third round only. */
const largeBytes = 4 * MiB
const largeEvery = 3

/**
 * @throws ERR_SLUICE_ADDON where there is nothing to choose from, ERR_SLUICE_ABORTED, and ERR_SLUICE_FILE where there
 *   is no place for temporary files
 */
export async function measure(options: MeasureOptions = {}): Promise<Measurement> {
  if (native === null) {
    throw new SluiceError('ERR_SLUICE_ADDON', `Without the addon every path is copy: ${addonMissing}`)
  }
  const stop = new Stop(options.signal)
  stop.check()
  const lab = await Laboratory.open(native)
  try {
    return await stop.or(new Measuring(lab, options, stop).run())
  } finally {
    stop.end()
    await lab.close()
  }
}

class Measuring {
  readonly #lab: Laboratory
  readonly #options: MeasureOptions
  readonly #stop: Stop
  readonly #began = performance.now()
  readonly #limitMs: number
  readonly #skipped: Skipped[] = []

  constructor(lab: Laboratory, options: MeasureOptions, stop: Stop) {
    this.#lab = lab
    this.#options = options
    this.#stop = stop
    this.#limitMs = options.limitMs ?? limitMsDefault
  }

  async run(): Promise<Measurement> {
    const { sizes = measuredSizes } = this.#options
    const rigs = await this.#openRigs()
    const cells: Cell[] = []
    for (const bytes of sizes) for (const rig of rigs) cells.push(...(await this.#warmUp(rig, bytes)))
    for (let round = 0; round < roundsMax; round++) {
      for (const cell of inTurns(cells, round)) {
        if (cell.bytes >= largeBytes && round % largeEvery !== 0) continue
        if (!isContested(cell, cells, round)) continue
        if (this.#leftMs() < cell.ms) continue
        await this.#sample(cell)
      }
    }
    // What works at some sizes only is not to be expected of others.
    const measured = cells.filter(({ rig, path }) => !this.#isSkipped(rig, path))
    return { costs: costsOf(measured), skipped: this.#skipped }
  }

  async #openRigs(): Promise<Rig[]> {
    const rigs: Rig[] = []
    for (const experiment of this.#options.experiments ?? experiments) {
      try {
        rigs.push(await Rig.open(this.#lab, experiment))
      } catch (error) {
        this.#skip(experiment.pair, null, error)
      }
    }
    return rigs
  }

  /** → a cell for each path that can be taken. */
  async #warmUp(rig: Rig, bytes: number): Promise<Cell[]> {
    const cells: Cell[] = []
    for (const path of rig.paths) {
      if (this.#isSkipped(rig, path) || (bytes >= largeBytes && this.#leftMs() <= 0)) continue
      const cell: Cell = { rig, path, bytes, count: bytes < MiB ? countFirst : 1, ms: 0, firstNs: 0, ns: [] }
      if (!(await this.#try(cell))) continue
      // The first one was also for the code and the memory that it needs. A large one is too dear to be thrown away.
      if (bytes < largeBytes && !(await this.#try(cell))) continue
      cell.ms /= cell.count
      cell.count = Math.min(Math.max(Math.round(batchNs / cell.firstNs), 1), countMax)
      cell.ms *= cell.count
      cells.push(cell)
    }
    return cells
  }

  async #try(cell: Cell): Promise<boolean> {
    const ns = await this.#batch(cell)
    if (ns !== null) cell.firstNs = ns
    return ns !== null
  }

  async #sample(cell: Cell): Promise<void> {
    if (this.#isSkipped(cell.rig, cell.path)) return
    const ns = await this.#batch(cell)
    if (ns !== null) cell.ns.push(ns)
  }

  /** → nanoseconds, or null where the path cannot be taken. */
  async #batch(cell: Cell): Promise<number | null> {
    this.#stop.check()
    const { rig, path, bytes, count } = cell
    const { pair } = rig.experiment
    this.#options.onProgress?.(Math.min((performance.now() - this.#began) / this.#limitMs, 1), pair)
    const began = performance.now()
    try {
      const batch = await rig.run({ bytes, count, prefer: path })
      cell.ms = performance.now() - began
      if (batch.path === path) return batch.ns
      this.#skip(pair, path, new Error(batch.why))
    } catch (error) {
      this.#skip(pair, path, error)
    }
    return null
  }

  #leftMs(): number {
    return this.#limitMs - (performance.now() - this.#began)
  }

  #isSkipped({ experiment }: Rig, path: PathName): boolean {
    return this.#skipped.some(
      ({ pair, path: skipped }) => pair === experiment.pair && (skipped === null || skipped === path),
    )
  }

  #skip(pair: PairName, path: PathName | null, error: unknown): void {
    // What an interruption breaks says nothing of the path.
    this.#stop.check()
    this.#skipped.push({ pair, path, why: (error as Error).message })
  }
}
