/**
 * One source to several sinks: each gets every byte, in order. By tee where something can be spliced, else by copying.
 *
 * `wait`: the slowest sink sets the pace, and one that fails ends the transfer. `drop`: the first sink is the main
 * flow, and the others are left behind where they are too slow, or fail. When a transfer is cut short, what was on its
 * way is lost.
 */
import { fstatSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { SluiceError, systemError } from '../../base/errors.js'
import { checkOneOf } from '../../base/options.js'
import { MiB } from '../../base/units.js'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { Claim } from '../ends/claim.js'
import { isGivenByName, sinkTarget } from '../ends/endpoints.js'
import type { Sink, Source } from '../ends/ends.js'
import { checkSameFile } from '../ends/same-file.js'
import { openEnd, type SinkEnd } from '../ends/sink-end.js'
import { nameOf } from '../ends/source.js'
import { aborted, watchLimits } from '../interrupt.js'
import { Interruption } from '../interruption.js'
import { CopyLane, copySeveral, slackBytes } from '../paths/copy-several.js'
import { PathRefused } from '../paths/path-refused.js'
import { TeeFlow } from '../paths/tee.js'
import { Backlog, type BacklogLimits } from '../paths/tee-backlog.js'
import { type BranchEvents, SpliceBranch } from '../paths/tee-branch.js'
import { CopyBranch } from '../paths/tee-copy-branch.js'
import { FileBranch } from '../paths/tee-file-branch.js'
import { Lane, type SlowSinks, slowSinksPolicies } from '../paths/tee-lane.js'
import { teeRefusal } from '../paths/tee-refusal.js'
import type { TeeSource } from '../paths/tee-source.js'
import { type Pipe, sharedPipes } from '../pipe-pool.js'
import type { Plan } from '../plan/path.js'
import { checkSinks, planSeveral } from '../plan/plan-several.js'
import { openSeveralSource, type SeveralSource } from './several-source.js'
import type { Delivery, DeliveryOptions, SeveralOptions, SeveralResult } from './several-types.js'

/**
 * What a sink has still to get. A file's pipe is locked while a thread writes what is in it, so there is another to be
 * filled meanwhile. Where sinks are dropped there is slack.
 */
const backlogLimits: Record<SlowSinks, BacklogLimits> = {
  wait: { pipes: 2, bytes: 1 * MiB },
  drop: { pipes: 16, bytes: slackBytes },
}

/** What both ways have to say of a sink. */
type Delivered = Pick<Lane, 'sentBytes' | 'copiedBytes' | 'path' | 'why'>

/** @throws as transfer() does; then `error.bytes` is what the first sink took */
export async function transferToSeveral(
  from: Source,
  to: readonly Sink[],
  options: SeveralOptions,
): Promise<SeveralResult> {
  const { error, result } = await deliverToSeveral(from, to, options)
  if (error === null) return result
  if (error instanceof SluiceError) error.bytes = result.bytes
  throw error
}

/** The same, which tells of a failure as part of how it ended. @throws what is found before a sink is opened */
export async function deliverToSeveral(
  from: Source,
  to: readonly Sink[],
  options: DeliveryOptions,
): Promise<Delivery> {
  checkSinks(to)
  checkOneOf('slowSinks', options.slowSinks ?? 'wait', slowSinksPolicies)
  const claims: (Claim | null)[] = []
  try {
    for (const sink of to) claims.push(sink.kind === 'file' ? null : new Claim(sinkTarget(sink)))
    const source = await openSeveralSource(from)
    try {
      return await new SeveralJob(source, to.map(ownDescriptor(claims)), claims, options).run()
    } finally {
      source.close()
    }
  } finally {
    for (const claim of claims) claim?.end()
  }
}

/** The caller's descriptor may be closed by now, and its number another file's: the duplicate is what counts. */
function ownDescriptor(claims: readonly (Claim | null)[]): (sink: Sink, index: number) => Sink {
  return (sink, index) => {
    if (sink.kind === 'file' || typeof sink.to !== 'number') return sink
    return { kind: sink.kind, to: claims[index]!.fd }
  }
}

class SeveralJob {
  readonly #source: SeveralSource
  readonly #to: readonly Sink[]
  readonly #claims: readonly (Claim | null)[]
  readonly #options: DeliveryOptions
  readonly #drops: boolean
  readonly #began = performance.now()
  /** By sink: what it is sent to by; null until it is open. */
  readonly #ends: (SinkEnd | null)[]
  /** By sink: whether it can be sent to. */
  readonly #ready: boolean[]
  /** By sink: giving it back, once nothing uses it. */
  readonly #releases: (Promise<void> | null)[]
  /** By sink: why its bytes are copied, where they are not in the plan. */
  readonly #whyCopied: (string | undefined)[]
  /** By sink: what closing it said, where it may be dropped. */
  readonly #closingFailed: string[] = []
  /** By sink: what it has got. */
  #deliveries: readonly Delivered[] = []
  /** By sink: what it failed with. */
  readonly #failures: unknown[] = []
  #plan: Plan
  readonly #interruption = new Interruption()
  #teeSource: TeeSource | null = null
  #flow: TeeFlow | null = null
  /** Bytes that were copied before they came to the sinks. */
  #copiedBefore = 0
  #over = false

  constructor(
    source: SeveralSource,
    to: readonly Sink[],
    claims: readonly (Claim | null)[],
    options: DeliveryOptions,
  ) {
    this.#source = source
    this.#to = to
    this.#claims = claims
    this.#options = options
    this.#drops = options.slowSinks === 'drop'
    this.#ends = to.map(() => null)
    this.#ready = to.map(() => false)
    this.#releases = to.map(() => null)
    this.#whyCopied = to.map(() => undefined)
    this.#plan = planSeveral(source.end, to, options, source.obstacle || undefined)
  }

  async run(): Promise<Delivery> {
    const stopLimits = watchLimits(this.#options, error => this.#interruption.raise(error))
    let error: unknown = null
    try {
      if (this.#options.signal?.aborted) throw aborted(this.#options.signal)
      if (this.#plan.path === 'copy' && this.#options.teeOnly) throw new PathRefused(this.#plan.why)
      // At once, so that Node reads nothing more of it.
      if (this.#plan.path === 'tee') this.#teeSource = this.#source.teeSource(() => this.#flow?.resume())
      const openings = this.#to.map((_, index) => this.#open(index))
      const needed = this.#drops && this.#plan.path === 'tee' ? openings.slice(0, 1) : openings
      for (const [index, opening] of openings.entries()) {
        opening.catch(failure => {
          this.#failures[index] = failure
        })
      }
      await this.#interruption.or(this.#opened(needed))
      error = this.#plan.path === 'tee' ? await this.#tee(openings) : await this.#copy(openings)
    } catch (failure) {
      error = failure
    } finally {
      stopLimits()
      this.#over = true
    }
    error = await this.#giveBack(error)
    return { error, failedSink: error === null ? -1 : this.#failures.indexOf(error), result: this.#result() }
  }

  /** Where sinks may be dropped, those besides the first need not even open. */
  async #opened(openings: readonly Promise<SinkEnd>[]): Promise<void> {
    if (this.#drops) {
      await openings[0]
      await Promise.allSettled(openings)
      return
    }
    await Promise.all(openings)
    // Only now: where one cannot be opened, the others keep what they have.
    for (const end of this.#ends) await end!.empty()
  }

  async #open(index: number): Promise<SinkEnd> {
    const sink = this.#to[index]!
    const end = await openEnd(sink, this.#claims[index]!, this.#plan.path === 'copy')
    if (this.#over || this.#releases[index] !== null) {
      await end.release()
      throw new Error('the transfer was over before its sink was open')
    }
    this.#ends[index] = end
    this.#checkSame(sink, end)
    if (this.#drops) await end.empty()
    this.#ready[index] = true
    return end
  }

  #checkSame(sink: Sink, { identity }: SinkEnd): void {
    const { file } = this.#source
    if (identity === null || file === null || sink.kind !== 'file' || sink.flags === 'a') return
    const { dev, ino } = fstatSync(file.fd, { bigint: true })
    if (dev !== identity.dev || ino !== identity.ino) return
    const emptied = isGivenByName(sink) && sink.flags !== 'r+'
    checkSameFile({
      name: nameOf(sink.from),
      emptied,
      from: file.start,
      to: sink.start ?? 0,
      length: file.length ?? Number.POSITIVE_INFINITY,
    })
  }

  async #tee(openings: readonly Promise<SinkEnd>[]): Promise<unknown> {
    const made = this.#takePipes()
    if (made === null) return await this.#copy(openings)
    const { trunk, lanes } = made
    this.#deliveries = lanes
    return await new Promise(resolve => {
      const source = this.#teeSource!
      const flow = new TeeFlow(
        defaultEngine()!,
        {
          source,
          trunk,
          lanes,
          slowSinks: this.#drops ? 'drop' : 'wait',
          cutsStalled: this.#options.cutsStalled,
          onFirstDone: this.#options.onFirstDone,
        },
        this.#options.onProgress,
        (error, empty) => {
          sharedPipes(native!).give(trunk, empty)
          this.#copiedBefore = source.copiedBytes
          resolve(error)
        },
      )
      this.#flow = flow
      this.#interruption.pass(error => flow.interrupt(error))
      for (const [index, lane] of lanes.entries()) {
        if (this.#ready[index]) this.#attach(flow, lane, index, this.#ends[index]!)
        else this.#attachLater(flow, lane, index, openings[index]!)
      }
      source.onClose(() => flow.interrupt(source.whyClosed()))
      flow.begin()
    })
  }

  #attachLater(flow: TeeFlow, lane: Lane, index: number, opening: Promise<SinkEnd>): void {
    opening
      .then(end => this.#attach(flow, lane, index, end))
      .catch(error => {
        if (!lane.over) flow.onFailed(lane, error)
      })
  }

  #attach(flow: TeeFlow, lane: Lane, index: number, end: SinkEnd): void {
    if (lane.over) return
    const copy = (why: string): void => {
      this.#whyCopied[index] = why
      lane.attach(new CopyBranch(end.writable(), lane.backlog, events))
    }
    const events: BranchEvents = {
      moved: () => flow.onMoved(lane),
      failed: error => {
        this.#failures[index] = error
        flow.onFailed(lane, error)
      },
      refused: errno => copy(systemError(errno, 'splice', 'It can only be copied to').message),
    }
    const { hold, file } = end
    if (hold !== null) lane.attach(new SpliceBranch(native!, defaultEngine()!, hold, lane.backlog, events))
    else if (file !== null) lane.attach(new FileBranch(native!, file, lane.backlog, events))
    else copy(end.obstacle)
  }

  /** → null where there are no pipes to be had, or they cannot be used: then the plan is to copy. */
  #takePipes(): { trunk: Pipe; lanes: Lane[] } | null {
    const pool = sharedPipes(native!)
    const lanes: Lane[] = []
    let trunk: Pipe | null = null
    let obstacle: string
    try {
      for (const index of this.#to.keys()) {
        const backlog = new Backlog(native!, pool, backlogLimits[this.#drops ? 'drop' : 'wait'])
        lanes.push(new Lane(backlog, () => this.#release(index)))
      }
      trunk = pool.take()
      obstacle = teeRefusal(native!, trunk, lanes[0]!.backlog.first)
      if (obstacle === '') return { trunk, lanes }
    } catch (error) {
      obstacle = `there are no pipes to be had: ${(error as Error).message}`
    }
    for (const lane of lanes) lane.backlog.close()
    if (trunk !== null) pool.give(trunk, true)
    if (this.#options.teeOnly) throw new PathRefused(obstacle)
    this.#plan = planSeveral(this.#source.end, this.#to, this.#options, obstacle)
    return null
  }

  async #copy(openings: readonly Promise<SinkEnd>[]): Promise<unknown> {
    const opened = await this.#interruption.or(Promise.allSettled(openings))
    const lanes = opened.map(opening =>
      opening.status === 'fulfilled'
        ? new CopyLane(opening.value.writable())
        : new CopyLane(null, (opening.reason as Error).message),
    )
    this.#deliveries = lanes
    const { onProgress, slowSinks = 'wait' } = this.#options
    const run = copySeveral(this.#source.chunks(), lanes, slowSinks, onProgress)
    this.#interruption.pass(error => run.interrupt(error))
    const error = await run.done
    for (const [index, lane] of lanes.entries()) this.#failures[index] = lane.failure
    return error
  }

  /** Nothing uses the sink any more. */
  #release(index: number): void {
    if (this.#releases[index] !== null) return
    // The descriptor is used until the end is released.
    const release = async (): Promise<void> => {
      await this.#ends[index]?.release()
    }
    this.#releases[index] = release().finally(() => this.#claims[index]?.end())
    this.#releases[index].catch(() => {})
  }

  /** Gives back all sinks → the transfer's error, which may be one that only closing a file says. */
  async #giveBack(error: unknown): Promise<unknown> {
    let failure = error
    for (const index of this.#to.keys()) {
      this.#release(index)
      try {
        await this.#releases[index]
      } catch (closing) {
        if (this.#drops && index > 0) this.#closingFailed[index] = (closing as Error).message
        else {
          this.#failures[index] ??= closing
          failure ??= closing
        }
      }
    }
    return failure
  }

  #result(): SeveralResult {
    const { path, why } = this.#plan
    const sinks = this.#deliveries.map(({ sentBytes, path, why }, index) => {
      const dropped = why || this.#closingFailed[index] || ''
      const reason = dropped || this.#whyCopied[index]
      return { bytes: sentBytes, dropped: dropped !== '', path, ...(reason && { why: reason }) }
    })
    const copied = this.#deliveries.reduce((sum, { copiedBytes }) => sum + copiedBytes, this.#copiedBefore)
    return { bytes: sinks[0]?.bytes ?? 0, path, why, copied, ms: performance.now() - this.#began, sinks }
  }
}
