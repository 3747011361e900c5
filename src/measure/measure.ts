/**
 * Measures every path between every pair of ends on this machine: CPU time of this process by size.
 *
 * The paths of a pair take turns, so that what disturbs the machine meets them alike, and most of the time goes where it
 * is hard to decide between them. What a path refuses here is left out, with the reason.
 */
import { SluiceError } from '../base/errors.js'
import { KiB, MiB } from '../base/units.js'
import { addonMissing, native } from '../native/load.js'
import { builtInCosts } from '../transfer/plan/cost-defaults.js'
import { type Costs, expectedOf, nsOf, type PairName } from '../transfer/plan/costs.js'
import type { PathName } from '../transfer/plan/path.js'
import { type Contest, costsOf, type Entry, inQuestion, urgency } from './contest.js'
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
  /** Believes nothing that it does not see: tries every path at every size, whatever is known of it. */
  readonly thorough?: boolean | undefined
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
const limitMsDefault = 13_000
/**
 * What a batch moves at most, in one transfer or in many: the same for every path and in every run, because how full
 * the sink is by then decides what the next transfer costs.
 */
const batchBytes = 4 * MiB
const countMax = 32
/** In so many rounds everything is tried at first: meanwhile the code is compiled. */
const looks = 3
/** What is that much as urgent as the most urgent is done in the same turn, so that a contest's rounds lie apart. */
const urgentShare = 0.6

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
    const contests = await this.#look(await this.#openRigs())
    await this.#decide(contests)
    // What works at some sizes only is not to be expected of others.
    const works = ({ rig, entries }: Contest): Entry[] =>
      entries.filter(({ path }) => !this.#isSkipped(rig, path))
    const measured = contests.map(contest => ({ ...contest, entries: works(contest) }))
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

  async #look(rigs: readonly Rig[]): Promise<Contest[]> {
    const { sizes = measuredSizes } = this.#options
    const small: Contest[] = []
    for (const rig of rigs) {
      for (const bytes of sizes.filter(isSmall)) {
        const contest = this.#contest(rig, bytes)
        small.push(contest)
        await this.#round(contest, contest.entries)
      }
    }
    await this.#lookAgain(small)
    const large: Contest[] = []
    for (const rig of rigs) {
      const smaller = small.findLast(contest => contest.rig === rig)
      for (const bytes of sizes) {
        if (isSmall(bytes) || this.#leftMs() <= 0) continue
        const contest = this.#contest(rig, bytes)
        large.push(contest)
        await this.#round(contest, this.#hopeful(contest, smaller))
      }
    }
    await this.#lookAgain(large)
    return [...small, ...large]
  }

  async #lookAgain(contests: readonly Contest[]): Promise<void> {
    for (let look = 1; look < looks; look++) {
      for (const contest of contests)
        if (this.#leftMs() > contest.ms) await this.#round(contest, inQuestion(contest))
    }
  }

  /** Until everything is decided, or the time is over. */
  async #decide(contests: readonly Contest[]): Promise<void> {
    for (let most = 1; most > 0; ) {
      most = Math.max(...contests.map(contest => this.#urgency(contest)))
      for (const contest of contests) {
        const urgency = this.#urgency(contest)
        if (urgency > 0 && urgency >= most * urgentShare) await this.#round(contest, inQuestion(contest))
      }
    }
  }

  #contest(rig: Rig, bytes: number): Contest {
    const paths = rig.paths.filter(path => !this.#isSkipped(rig, path))
    return { rig, bytes, entries: paths.map(path => this.#entry(rig, path, bytes)), rounds: 0, ms: 0 }
  }

  /** Those that a large transfer is tried by: all, where nothing is known of them. */
  #hopeful({ entries }: Contest, smaller: Contest | undefined): readonly Entry[] {
    if (smaller === undefined || entries.some(({ elsewhereNs }) => elsewhereNs === null)) return entries
    const paths = inQuestion(smaller).map(({ path }) => path)
    return entries.filter(({ path }) => paths.includes(path))
  }

  #entry(rig: Rig, path: PathName, bytes: number): Entry {
    const elsewhere = this.#options.thorough
      ? null
      : expectedOf(builtInCosts, rig.experiment.pair, path, bytes)
    return { path, ns: [], elsewhereNs: elsewhere && nsOf(elsewhere, bytes) }
  }

  /** 0 where there is no time for another round. */
  #urgency(contest: Contest): number {
    return this.#leftMs() < contest.ms ? 0 : urgency(contest)
  }

  /** Of these entries, who take turns at going first. */
  async #round(contest: Contest, entries: readonly Entry[]): Promise<void> {
    const { rig, bytes } = contest
    const began = performance.now()
    const round = contest.rounds++
    for (let i = 0; i < entries.length; i++) {
      const { path, ns } = entries[(round + i) % entries.length]!
      const figure = await this.#batch(rig, path, bytes)
      if (figure !== null) ns.push(figure)
      else contest.entries = contest.entries.filter(entry => entry.path !== path)
    }
    contest.ms = performance.now() - began
  }

  /** → nanoseconds for a transfer, or null where the path cannot be taken. */
  async #batch(rig: Rig, path: PathName, bytes: number): Promise<number | null> {
    this.#stop.check()
    const { pair } = rig.experiment
    this.#options.onProgress?.(Math.min((performance.now() - this.#began) / this.#limitMs, 1), pair)
    if (this.#isSkipped(rig, path)) return null
    try {
      const count = Math.max(1, Math.min(Math.floor(batchBytes / bytes), countMax))
      const batch = await rig.run({ bytes, count, prefer: path })
      // A clock of microseconds may not have ticked.
      if (batch.path === path) return Math.max(batch.ns, 1)
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

function isSmall(bytes: number): boolean {
  return bytes <= batchBytes
}
