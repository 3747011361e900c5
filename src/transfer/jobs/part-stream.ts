/** A part of a list that is a stream, until it ends: by splice where it is a plain socket, else by copying. */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { SourceHold } from '../ends/source-hold.js'
import { copyStream } from '../paths/copy-stream.js'
import { PathRefused } from '../paths/path-refused.js'
import { type SpliceDone, SpliceFlow } from '../paths/splice.js'
import { SpliceDirectFlow } from '../paths/splice-direct.js'
import { type Pipe, sharedPipes } from '../pipe-pool.js'
import { kindOf, planRelay } from '../plan/plan-relay.js'
import { copyBy, type PartDone, type Progress, type TakenSink } from './part-run.js'

export async function runStream(sink: TakenSink, from: Readable, onProgress: Progress): Promise<PartDone> {
  const { path, why } = planRelay(from, sink.to, { prefer: sink.prefer })
  if (path === 'copy' || sink.hold === null)
    return await copyBy(sink, stream => copyStream(from, stream, onProgress), sink.obstacle || why)
  const { error, ...spliced } = await splice(sink, from as Socket, onProgress)
  // What was taken and could not be delivered is lost to another path.
  if (!(error instanceof PathRefused) || spliced.sentBytes > 0) return { ...spliced, error, path, why }
  const refusal = `splice is refused here (${error.message})`
  return await copyBy(sink, stream => copyStream(from, stream, onProgress), refusal)
}

async function splice(
  { to, hold, interruption }: TakenSink,
  from: Socket,
  onProgress: Progress,
): Promise<Pick<PartDone, 'error' | 'sentBytes' | 'copiedBytes'>> {
  const pipes = sharedPipes(native!)
  const isDirect = kindOf(from) === 'pipe' || kindOf(to) === 'pipe'
  let pipe: Pipe | null = null
  try {
    if (!isDirect) pipe = pipes.take()
  } catch (error) {
    return { error: new PathRefused((error as Error).message), sentBytes: 0, copiedBytes: 0 }
  }
  const source = new SourceHold(from)
  const early = source.early?.length ?? 0
  return await new Promise(resolve => {
    const done: SpliceDone = (error, sentBytes, heldBytes) => {
      if (pipe !== null) pipes.give(pipe, heldBytes === 0)
      source.release(sentBytes)
      resolve({ error: error ?? source.endError, sentBytes, copiedBytes: Math.min(early, sentBytes) })
    }
    const ends = { source, sink: hold! }
    const isTcp = kindOf(from) === 'tcp'
    const flow =
      pipe === null
        ? new SpliceDirectFlow(native!, defaultEngine()!, ends, onProgress, done)
        : new SpliceFlow(native!, defaultEngine()!, { ...ends, pipe, pipes, isTcp }, onProgress, done)
    flow.begin()
    interruption.pass(error => flow.interrupt(error))
  })
}
