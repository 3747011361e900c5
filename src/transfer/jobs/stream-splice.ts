/** Splicing from a stream or a descriptor to a stream or a descriptor, whichever each of the two is. */
import type { Readable } from 'node:stream'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import type { SinkTarget } from '../ends/endpoints.js'
import type { SocketHold } from '../ends/socket-hold.js'
import type { HeldSource } from '../ends/source-hold.js'
import type { Interruption } from '../interruption.js'
import { SpliceFlow } from '../paths/splice.js'
import type { Leftover } from '../paths/splicer.js'
import { sharedPipes } from '../pipe-pool.js'
import { kindOf } from '../plan/plan-relay.js'

export interface SpliceOrder {
  /** What the held ends are of. */
  readonly from: Readable | number
  readonly to: SinkTarget
  readonly source: HeldSource
  readonly sink: SocketHold
  readonly onProgress: ((sentBytes: number) => void) | undefined
  readonly interruption: Interruption
}

export interface SpliceEnd {
  /** Null where it did well; with PathRefused the bytes that follow are still to be had. */
  readonly error: unknown
  readonly sentBytes: number
  /** Those among them that Node had read. */
  readonly copiedBytes: number
  /** The first of the bytes that follow; null where all are at the source. */
  readonly left: Leftover | null
}

/** Splices until the source ends. Never rejects; settles when nothing uses the ends any more. */
export function spliceAll({
  from,
  to,
  source,
  sink,
  onProgress,
  interruption,
}: SpliceOrder): Promise<SpliceEnd> {
  const kind = kindOf(from)
  const isDirect = kind === 'pipe' || kindOf(to) === 'pipe'
  const pipes = isDirect ? null : sharedPipes(native!)
  const early = source.early?.length ?? 0
  return new Promise(resolve => {
    const flow = new SpliceFlow(
      native!,
      defaultEngine()!,
      { source, sink, isTcp: kind === 'tcp', pipes },
      onProgress,
      (error, sentBytes, left) =>
        resolve({ error, sentBytes, copiedBytes: Math.min(early, sentBytes), left }),
    )
    interruption.pass(error => flow.interrupt(error))
    flow.begin()
  })
}
