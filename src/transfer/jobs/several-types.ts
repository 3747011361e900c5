/** A transfer to several sinks: what it is asked for, and how it ended. */
import type { SlowSinks } from '../paths/tee-lane.js'
import type { PathName } from '../plan/path.js'
import type { TransferOptions, TransferResult } from './job.js'

export interface SeveralOptions extends TransferOptions {
  /**
   * `wait`, the default: the slowest sink sets the pace. `drop`: the first does, and another that falls too far behind
   * it, or fails, gets no more; the result says so.
   */
  slowSinks?: SlowSinks | undefined
  /**
   * Called when the source has ended and the first sink has everything, which others may not have yet. Where bytes are
   * copied it is not called: the transfer ends soon after that anyway.
   */
  onFirstDone?: (() => void) | undefined
}

/** For who has other means than copying, and looks after the source's peer. */
export interface DeliveryOptions extends SeveralOptions {
  /** The bytes are not copied where tee cannot be had: PathRefused, before anything is taken from the source. */
  teeOnly?: boolean | undefined
  /** A source that breaks off ends the transfer though sinks that take nothing have not got what came before. */
  cutsStalled?: boolean | undefined
}

export interface SinkResult {
  /** Bytes that this sink took. */
  bytes: number
  /** Whether it was left behind: it has the first `bytes` bytes then. */
  dropped: boolean
  /** Why it was dropped, or its bytes were copied. */
  why?: string
  path: PathName
}

export interface SeveralResult extends TransferResult {
  /** One for each sink, in their order. `bytes` of the result are the first one's. */
  sinks: SinkResult[]
}

/** How it ended: as a whole, and with each sink. */
export interface Delivery {
  /** null where it did well. */
  readonly error: unknown
  /** Which sink's failure that is, or -1. */
  readonly failedSink: number
  /** What was delivered, however it ended. */
  readonly result: SeveralResult
}
