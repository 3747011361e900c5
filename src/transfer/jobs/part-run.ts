/** A part of a list, file or memory, to the sink that the list has taken: by the path that its kind has there, else by copying. */
import type { Writable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import type { Cork } from '../ends/cork.js'
import type { SinkTarget } from '../ends/endpoints.js'
import { HoldStream } from '../ends/hold-stream.js'
import type { SocketHold } from '../ends/socket-hold.js'
import type { OpenedSource } from '../ends/source.js'
import type { Interruption } from '../interruption.js'
import type { HeldMemory } from '../memory-pieces.js'
import { type CopyRun, copyFile } from '../paths/copy.js'
import { copyMemory } from '../paths/copy-memory.js'
import { PathRefused } from '../paths/path-refused.js'
import { WritevFlow } from '../paths/writev.js'
import type { PathName, Plan } from '../plan/path.js'
import { planFor } from '../plan/plan-send.js'
import { FileRun } from './file-run.js'

/** The sink of a list, from its first part to its last. */
export interface TakenSink {
  /** What plans are made for; a descriptor is the list's own. */
  readonly to: SinkTarget
  /** Null where everything is copied, to the stream. */
  readonly hold: SocketHold | null
  readonly stream: Writable | null
  /** Why everything is copied, or an empty string. */
  readonly obstacle: string
  /** Over TCP, where it is held. */
  readonly cork: Cork | null
  readonly prefer: PathName | undefined
  readonly interruption: Interruption
}

export type Progress = (sentBytes: number) => void

export interface PartDone {
  /** Null where it went well. */
  readonly error: unknown
  readonly sentBytes: number
  readonly copiedBytes: number
  readonly path: PathName
  readonly why: string
}

export async function runFile(
  sink: TakenSink,
  source: OpenedSource,
  onProgress: Progress,
): Promise<PartDone> {
  const { fd, start, length, regular } = source
  const planNow = (refused: ReadonlyMap<PathName, string> | null): Plan => {
    const sourceObstacle = sink.obstacle || obstacleOf(source)
    const asked = { to: sink.to, sourceObstacle, refused, bytes: length ?? undefined }
    return planFor(asked, { prefer: sink.prefer })
  }
  let plan = planNow(null)
  if (plan.path !== 'copy') {
    const done = await new Promise<PartDone>(resolve => {
      const run = new FileRun(
        {
          native: native!,
          engine: defaultEngine()!,
          hold: sink.hold!,
          range: { fd, start, length: length! },
          prefix: null,
          onProgress,
          plan,
          replan: planNow,
        },
        (error, sentBytes, copiedBytes) => {
          plan = run.plan
          resolve({ error, sentBytes, copiedBytes, path: plan.path, why: plan.why })
        },
      )
      run.begin()
      sink.interruption.pass(error => run.interrupt(error))
    })
    if (!(done.error instanceof PathRefused)) return done
  }
  const range = { fd, start: regular ? start : null, length }
  return copyBy(sink, stream => copyFile(range, stream, onProgress), plan.why)
}

/** Parts that follow one another go out in as few calls as possible. */
export async function runMemory(
  sink: TakenSink,
  memories: readonly HeldMemory[],
  onProgress: Progress,
): Promise<PartDone> {
  const { hold } = sink
  if (hold === null) return copyAllOf(sink, memories, onProgress)
  const views = memories.flatMap(memory => memory.views)
  return await new Promise(resolve => {
    let failure: unknown = null
    let sent = 0
    const flow = new WritevFlow(native!, defaultEngine()!, hold, { views }, onProgress, {
      sent: (error, sentBytes) => {
        failure = error instanceof PathRefused ? unsendable(error) : error
        sent = sentBytes
      },
      released: copiedBytes =>
        resolve({
          error: failure ?? missingOf(memories),
          sentBytes: sent,
          copiedBytes,
          path: 'writev',
          why: 'the kernel gathers the bytes from where they are',
        }),
    })
    flow.begin()
    sink.interruption.pass(error => flow.interrupt(error))
  })
}

async function copyAllOf(
  sink: TakenSink,
  memories: readonly HeldMemory[],
  onProgress: Progress,
): Promise<PartDone> {
  const why = sink.obstacle
  let before = 0
  for (const memory of memories) {
    const report = (sentBytes: number): void => onProgress(before + sentBytes)
    const done = await copyBy(sink, stream => copyMemory(memory, stream, report), why)
    before += done.sentBytes
    if (done.error !== null) return { ...done, sentBytes: before, copiedBytes: before }
  }
  return { error: null, sentBytes: before, copiedBytes: before, path: 'copy', why }
}

/** By copying, to the stream or over the hold. */
export async function copyBy(
  sink: TakenSink,
  start: (stream: Writable) => CopyRun,
  why: string,
): Promise<PartDone> {
  const stream = sink.stream ?? new HoldStream(native!, defaultEngine()!, sink.hold!)
  const run = start(stream)
  sink.interruption.pass(error => run.interrupt(error))
  const { error, sentBytes } = await run.done
  const took = stream instanceof HoldStream ? endOf(stream) : sentBytes
  return { error, sentBytes: took, copiedBytes: took, path: 'copy', why }
}

/** Stops what is still on its way → bytes that the kernel took. */
function endOf(stream: HoldStream): number {
  stream.destroy()
  return stream.bytesWritten
}

/** The error where bytes of a mapped file were missing, else null. */
function missingOf(memories: readonly HeldMemory[]): unknown {
  try {
    for (const memory of memories) memory.check()
    return null
  } catch (error) {
    return error
  }
}

function unsendable(refusal: PathRefused): SluiceError {
  return new SluiceError('ERR_SLUICE_SYSCALL', `Sending memory: ${refusal.message}`)
}

/** Why the source can only be copied, or an empty string. */
function obstacleOf({ regular, length }: OpenedSource): string {
  if (!regular) return 'the source is not a regular file'
  return length === null ? 'the source does not say how long it is' : ''
}
