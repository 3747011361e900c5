/** One source to several sinks by copying: each chunk is read once and written to every sink. */
import type { Writable } from 'node:stream'
import { MiB } from '../../base/units.js'
import type { Chunks } from './chunks.js'
import { CopyOutput } from './copy-output.js'
import { Stall, stallTurnMs, stallWhy } from './stall.js'
import type { SlowSinks } from './tee-lane.js'

/** How far a sink may be behind the first before it is dropped. */
export const slackBytes = 4 * MiB

export interface CopySeveralRun {
  /** The error, or null where it did well. Never rejects; settles when the source is not read any more. */
  readonly done: Promise<unknown>
  interrupt(error: unknown): void
}

/** One sink: it takes chunks in their order, at its own pace. */
export class CopyLane {
  readonly path = 'copy'
  sentBytes = 0
  /** Why it gets no more; empty while it does. */
  why: string
  readonly stall = new Stall()
  queuedBytes = 0
  /** What the sink failed with; null where it did not. */
  failure: unknown = null
  readonly #output: CopyOutput | null
  readonly #queue: Buffer[] = []
  #pumping: Promise<void> | null = null
  #stopped = false

  /** `sink` is null where it could not even be opened, and `why` says so. */
  constructor(sink: Writable | null, why = '') {
    this.#output = sink === null ? null : new CopyOutput(sink)
    this.why = why
  }

  get copiedBytes(): number {
    return this.sentBytes
  }

  get dropped(): boolean {
    return this.why !== ''
  }

  put(chunk: Buffer): void {
    this.#queue.push(chunk)
    this.queuedBytes += chunk.length
    this.#pumping ??= this.#pump()
    this.#pumping.catch(nothing)
  }

  /** Resolves when the sink has taken everything; rejects where it failed. */
  async drained(): Promise<void> {
    await this.#pumping
  }

  drop(why: string): void {
    this.why = why
    this.stop(null)
    this.#queue.length = 0
    this.#output?.forget()
  }

  stop(error: unknown): void {
    this.#stopped = true
    this.#output?.stop(error)
  }

  forget(): void {
    this.#output?.forget()
  }

  async #pump(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      try {
        await this.#output!.write(chunk)
      } catch (error) {
        if (!this.#stopped) this.failure = error
        throw error
      }
      this.sentBytes += chunk.length
      this.queuedBytes -= chunk.length
    }
    this.#pumping = null
  }
}

/** `lanes`: the first is the main flow's. */
export function copySeveral(
  from: Chunks,
  lanes: readonly CopyLane[],
  slowSinks: SlowSinks,
  onProgress: ((sentBytes: number) => void) | undefined,
): CopySeveralRun {
  const copy = new SeveralCopy(from, lanes, slowSinks === 'drop', onProgress)
  return { done: copy.run(), interrupt: error => copy.interrupt(error) }
}

class SeveralCopy {
  readonly #from: Chunks
  readonly #lanes: readonly CopyLane[]
  readonly #drops: boolean
  readonly #onProgress: ((sentBytes: number) => void) | undefined

  constructor(
    from: Chunks,
    lanes: readonly CopyLane[],
    drops: boolean,
    onProgress: ((sentBytes: number) => void) | undefined,
  ) {
    this.#from = from
    this.#lanes = lanes
    this.#drops = drops
    this.#onProgress = onProgress
  }

  interrupt(error: unknown): void {
    this.#from.stop(error)
    for (const lane of this.#lanes) lane.stop(error)
  }

  async run(): Promise<unknown> {
    try {
      for (let chunk = await this.#from.next(); chunk !== null; chunk = await this.#from.next()) {
        for (const lane of this.#lanes) if (!lane.dropped) lane.put(chunk)
        await this.#settle()
        this.#onProgress?.(this.#lanes[0]!.sentBytes)
      }
      if (this.#drops) await this.#awaitOthers()
      return null
    } catch (error) {
      this.interrupt(error)
      return error
    } finally {
      await this.#from.close()
      for (const lane of this.#lanes) lane.forget()
    }
  }

  /** Waits until there may be more: for all sinks, or for the first alone. */
  async #settle(): Promise<void> {
    const [main, ...others] = this.#lanes as [CopyLane, ...CopyLane[]]
    if (!this.#drops) {
      await Promise.all(this.#lanes.map(lane => lane.drained()))
      return
    }
    await main.drained()
    for (const lane of others) {
      if (lane.dropped) continue
      lane.drained().catch(error => dropFailed(lane, error))
      if (lane.queuedBytes > slackBytes) lane.drop(`it was too slow: ${lane.queuedBytes} bytes waited for it`)
    }
  }

  /** The main flow is over: sinks that hold up its end, and take nothing, are dropped. */
  async #awaitOthers(): Promise<void> {
    const others = this.#lanes.slice(1)
    const timer = setInterval(() => {
      for (const lane of others) {
        if (!lane.dropped && lane.queuedBytes > 0 && lane.stall.after(lane.sentBytes)) lane.drop(stallWhy)
      }
    }, stallTurnMs)
    await Promise.all(others.map(lane => lane.drained().catch(error => dropFailed(lane, error))))
    clearInterval(timer)
  }
}

function dropFailed(lane: CopyLane, error: unknown): void {
  // What was dropped fails for that reason.
  if (!lane.dropped) lane.drop(error instanceof Error ? error.message : String(error))
}

function nothing(): void {}
