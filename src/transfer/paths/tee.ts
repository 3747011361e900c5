/**
 * Hot: one source to several sinks by tee(2). What arrives is taken into a pipe; the other sinks get duplicates of what
 * is at its head, in pipes of their own, and then it is moved to the first sink's. No byte passes through this process.
 *
 * tee(2) always begins at the head and cannot skip. A sink that got fewer bytes than another gets the rest only when
 * the head has moved past what it has: `ahead` is how many bytes at the head a sink has already, the head moves by the
 * least of these, and a sink gets more when its `ahead` is 0. How many a sink gets at once differs: what fills its pipe
 * is pages, however few bytes they hold.
 */
import { constants } from 'node:os'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { Pipe } from '../pipe-pool.js'
import { streamError } from '../stream-error.js'
import { stallTurnMs, stallWhy } from './stall.js'
import { TeeCut } from './tee-cut.js'
import type { Lane, SlowSinks } from './tee-lane.js'
import type { TeeSource } from './tee-source.js'

/** What one step passes on at most; see the same in file-flow.ts. */
const stepBytes = 1 * MiB

const { EAGAIN, EINTR } = constants.errno

export interface TeeEnds {
  readonly source: TeeSource
  /** Empty, for the flow alone. */
  readonly trunk: Pipe
  /** One for each sink; the first is the main flow's. */
  readonly lanes: readonly Lane[]
  readonly slowSinks: SlowSinks
  /** Whether a source that is broken off ends the flow though sinks that take nothing have not got what came before. */
  readonly cutsStalled?: boolean | undefined
  /** Called once, when the source has ended and the first sink has everything. */
  readonly onFirstDone?: (() => void) | undefined
}

/** How it ended: `error` is null where it did well. Nothing is used any more then; `empty` says whether the trunk is. */
export type TeeDone = (error: unknown, empty: boolean) => void

export class TeeFlow implements Flow {
  /** A branch waits for its sink, this does not. */
  readonly fd = -1
  readonly sourceFd: number
  queued = false
  sourceEnding = false
  readonly #engine: Engine
  readonly #source: TeeSource
  readonly #trunk: Pipe
  readonly #main: Lane
  readonly #others: readonly Lane[]
  readonly #drops: boolean
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #done: TeeDone
  #onFirstDone: (() => void) | undefined
  /** Bytes in the trunk. */
  #held = 0
  #parked = false
  #stallTimer: NodeJS.Timeout | null = null
  readonly #cut: TeeCut | null
  #ended = false

  constructor(
    engine: Engine,
    { source, trunk, lanes, slowSinks, cutsStalled, onFirstDone }: TeeEnds,
    onProgress: ((sentBytes: number) => void) | undefined,
    done: TeeDone,
  ) {
    this.sourceFd = source.fd
    this.#engine = engine
    this.#source = source
    this.#trunk = trunk
    this.#main = lanes[0]!
    this.#others = lanes.slice(1)
    this.#drops = slowSinks === 'drop'
    this.#onProgress = onProgress
    this.#done = done
    this.#onFirstDone = onFirstDone
    this.#cut = cutsStalled ? new TeeCut(source, lanes, error => this.interrupt(error)) : null
  }

  /** Moves what is there at once. */
  begin(): void {
    this.#engine.resume(this)
  }

  /** Goes on, where it waited for a sink or a thread. */
  resume(): void {
    if (!this.#parked || this.#ended) return
    this.#parked = false
    this.#engine.resume(this)
  }

  /** A sink took bytes, or can be used from now on. */
  onMoved(lane: Lane): void {
    if (this.#ended) return
    if (lane === this.#main && this.#onProgress !== undefined) this.#report(this.#onProgress, lane.sentBytes)
    this.resume()
  }

  /** A sink failed. */
  onFailed(lane: Lane, error: unknown): void {
    if (this.#ended) return
    if (!this.#drops || lane === this.#main) {
      this.#finish(error)
    } else {
      lane.drop(error instanceof Error ? error.message : String(error))
      this.resume()
    }
  }

  /** Ends the flow from outside. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    const source = this.#source
    if (!source.open) return this.#finish(source.whyClosed())
    this.#parked = false
    for (let passed = 0; passed < stepBytes; ) {
      this.#fill()
      if (this.#held === 0) {
        if (source.ended || source.failure !== null) return this.#awaitSinks()
        const { wait } = source
        return wait === STEP_PARK ? this.#park() : wait
      }
      const ready = this.#duplicate()
      if (this.#ended) return STEP_DONE
      if (ready === 0) return this.#awaitRoom()
      const moved = this.#main.backlog.move(this.#trunk, ready)
      if (moved > 0) {
        passed += moved
        this.#moveHead(moved)
      } else if (moved === -EAGAIN) {
        return this.#main.backlog.bytes > 0 ? this.#parkForSinks() : STEP_MORE
      } else if (moved !== -EINTR) {
        return this.#finish(streamError(moved, 'splice', 'Passing bytes on to several sinks'))
      }
    }
    return STEP_MORE
  }

  /** Takes from the source what the trunk has room for. */
  #fill(): void {
    const room = this.#trunk.capacity - this.#held
    const source = this.#source
    if (room > 0 && !source.ended && source.failure === null) this.#held += source.fill(this.#trunk, room)
  }

  /** Gives the other sinks what is at the head → bytes that all of them have, 0 where one must be waited for. */
  #duplicate(): number {
    let least = this.#held
    for (const lane of this.#others) {
      if (lane.dropped) continue
      if (lane.ahead === 0) this.#feed(lane)
      if (!lane.dropped && lane.ahead < least) least = lane.ahead
    }
    return least
  }

  #feed(lane: Lane): void {
    const { backlog } = lane
    let got = backlog.duplicate(this.#trunk, this.#held)
    if (got === -EAGAIN && this.#drops && this.#main.backlog.bytes === 0) {
      // Its sink may have room by now, and the loop not have got to it.
      lane.drain()
      if (lane.dropped || this.#ended) return
      got = backlog.duplicate(this.#trunk, this.#held)
      if (got === -EAGAIN) return lane.drop(`it was too slow: ${backlog.bytes} bytes waited for it`)
    }
    if (got > 0) {
      lane.ahead = got
      lane.wake()
    } else if (got !== -EAGAIN && got !== -EINTR) {
      this.onFailed(lane, streamError(got, 'tee', 'Duplicating bytes for several sinks'))
    }
  }

  /** Some sink must be waited for: one whose backlog is empty tells nothing, so it is tried again. */
  #awaitRoom(): Step {
    for (const lane of this.#others) {
      if (!lane.dropped && lane.ahead === 0 && lane.backlog.bytes === 0) return STEP_MORE
    }
    return this.#parkForSinks()
  }

  /** The source is not received from meanwhile, but may break off. */
  #parkForSinks(): Step {
    this.#parked = true
    if (this.#cut === null || this.sourceFd === -1 || this.#source.ended) return STEP_PARK
    return this.#cut.begun(this.sourceEnding) ? STEP_PARK : STEP_WAIT_SOURCE
  }

  #moveHead(count: number): void {
    this.#held -= count
    for (const lane of this.#others) if (!lane.dropped) lane.ahead -= count
    this.#main.wake()
  }

  #park(): typeof STEP_PARK {
    this.#parked = true
    return STEP_PARK
  }

  /** The source has no more: what is left is with the sinks. */
  #awaitSinks(): Step {
    if (!this.#main.quiet) return this.#parkForSinks()
    if (this.#source.failure === null) this.#tellFirstDone()
    if (this.#ended) return STEP_DONE
    for (const lane of this.#others) {
      if (lane.dropped || lane.quiet) continue
      if (this.#drops) this.#stallTimer ??= setTimeout(this.#onStallTurn, stallTurnMs)
      return this.#parkForSinks()
    }
    return this.#finish(this.#source.failure)
  }

  #tellFirstDone(): void {
    const tell = this.#onFirstDone
    this.#onFirstDone = undefined
    try {
      tell?.()
    } catch (error) {
      this.#finish(error)
    }
  }

  /** The main flow is over: sinks that hold up its end, and take nothing, are dropped. */
  readonly #onStallTurn = (): void => {
    this.#stallTimer = null
    for (const lane of this.#others) {
      if (!lane.dropped && !lane.quiet && lane.stall.after(lane.sentBytes)) lane.drop(stallWhy)
    }
    this.resume()
  }

  #report(onProgress: (sentBytes: number) => void, sentBytes: number): void {
    try {
      onProgress(sentBytes)
    } catch (error) {
      this.#finish(error)
    }
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    if (this.#stallTimer !== null) clearTimeout(this.#stallTimer)
    this.#cut?.end()
    this.#engine.forget(this, false, this.#source.open && this.sourceFd !== -1)
    this.#settle(error)
    return STEP_DONE
  }

  async #settle(error: unknown): Promise<void> {
    await this.#source.settled()
    await Promise.all([this.#main.end(), ...this.#others.map(lane => lane.end())])
    this.#done(error, this.#held === 0)
  }
}
