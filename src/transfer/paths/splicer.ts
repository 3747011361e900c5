/** What moves bytes by splice(2) for a flow between two streams: directly where one of them is a pipe, else through one. */
import type { Flow, Step } from '../../engine/flow.js'
import type { Pipe } from '../pipe-pool.js'

export interface SplicedFlow extends Flow {
  readonly sourceFd: number
}

/** A pipe with bytes that were taken from the source and did not get to the sink. */
export interface Leftover {
  readonly pipe: Pipe
  readonly bytes: number
}

export interface Splicer {
  /** What one step moves at most: others wait so long for their turn. */
  readonly stepBytes: number
  /** → bytes that went to the sink, 0 where the source has ended, -EAGAIN, -EINTR, or what it failed with. */
  move(): number
  /** What to wait for after EAGAIN; `movedBytes` went to the sink in all. */
  wait(movedBytes: number): Step
  /** What an errno of `move` means: PathRefused where another path may go on. */
  failure(errno: number): unknown
  /** Hands over what is left, with its pipe; null where there is nothing. */
  leave(): Leftover | null
  /** Ends all; `open` says whether the descriptor is still the source's. What is left is lost. */
  end(open: boolean): void
}
