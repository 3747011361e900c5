/** A part of a list that is a stream, until it ends: by splice where it is a plain socket, else by copying. */
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { native } from '../../native/load.js'
import { SourceHold } from '../ends/source-hold.js'
import { type CopyRun, copyFile } from '../paths/copy.js'
import { copyStream } from '../paths/copy-stream.js'
import { PathRefused } from '../paths/path-refused.js'
import { sharedPipes } from '../pipe-pool.js'
import { planRelay } from '../plan/plan-relay.js'
import { copyBy, type PartDone, type Progress, type TakenSink } from './part-run.js'
import { type SpliceEnd, spliceAll } from './stream-splice.js'

export async function runStream(sink: TakenSink, from: Readable, onProgress: Progress): Promise<PartDone> {
  const { path, why } = planRelay(from, sink.to, { prefer: sink.prefer })
  if (path === 'copy' || sink.hold === null)
    return await copyBy(sink, stream => copyStream(from, stream, onProgress), sink.obstacle || why)
  const spliced = await splice(sink, from as Socket, onProgress)
  if (!(spliced.error instanceof PathRefused)) return { ...spliced, path, why }
  return await copyOn(sink, from, onProgress, spliced, `splice is refused here (${spliced.error.message})`)
}

async function splice(sink: TakenSink, from: Socket, onProgress: Progress): Promise<SpliceEnd> {
  const { to, hold, interruption } = sink
  const source = new SourceHold(from)
  const end = await spliceAll({ from, to, source, sink: hold!, onProgress, interruption })
  source.release(end.sentBytes)
  return end
}

/** From where splicing ended. */
async function copyOn(
  sink: TakenSink,
  from: Readable,
  onProgress: Progress,
  { sentBytes, copiedBytes, left }: SpliceEnd,
  why: string,
): Promise<PartDone> {
  let done: PartDone = { error: null, sentBytes, copiedBytes, path: 'copy', why }
  const copy = async (start: (stream: Writable, report: Progress) => CopyRun): Promise<void> => {
    const before = done
    const next = await copyBy(
      sink,
      stream => start(stream, bytes => onProgress(before.sentBytes + bytes)),
      why,
    )
    done = {
      ...next,
      sentBytes: before.sentBytes + next.sentBytes,
      copiedBytes: before.copiedBytes + next.copiedBytes,
    }
  }
  if (left !== null) {
    const range = { fd: left.pipe.readFd, start: null, length: left.bytes }
    await copy((stream, report) => copyFile(range, stream, report))
    sharedPipes(native!).give(left.pipe, false)
  }
  if (done.error === null) await copy((stream, report) => copyStream(from, stream, report))
  return done
}
