/** The flows that send memory, each run in the same way: what is sent, and when the memory is let go of. */
import { defaultEngine } from '#sluice/engine/default.js'
import type { Engine } from '#sluice/engine/engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import type { SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import type { HeldMemory, MemoryPieces } from '#sluice/transfer/memory-pieces.js'
import type { ReferenceEnds } from '#sluice/transfer/paths/reference-ends.js'
import { SendfileMemoryFlow } from '#sluice/transfer/paths/sendfile-memory.js'
import { VmspliceFlow } from '#sluice/transfer/paths/vmsplice.js'
import { WritevFlow } from '#sluice/transfer/paths/writev.js'
import { ZerocopyFlow } from '#sluice/transfer/paths/zerocopy.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'

export const memoryPaths = ['writev', 'zerocopy', 'vmsplice', 'sendfile'] as const
export type MemoryPath = (typeof memoryPaths)[number]
/** Those that hand over the pages themselves, also to a peer on the same machine. */
export const pagePaths = ['vmsplice', 'sendfile'] as const

export interface Running {
  readonly sent: Promise<{ error: unknown; sentBytes: number }>
  /** Resolves to the bytes that were copied. */
  readonly released: Promise<number>
  readonly isReleased: boolean
  /** What was called, in order: more than once each would be wrong. */
  readonly calls: readonly ('sent' | 'released')[]
  interrupt(error: unknown): void
}

export interface FlowOptions {
  /** The addon, with some calls scripted. */
  calls?: Native
  /** The engine that steps it, if not the default one. */
  engine?: Engine
  /** Whether the sink is a pipe. */
  toPipe?: boolean
  onProgress?: (sentBytes: number) => void
}

const pipes = native === null ? null : new PipePool(native)

/** Begins to send; the hold is let go of when all is sent, the memory is the caller's to release. */
export function startFlow(
  path: MemoryPath,
  hold: SocketHold,
  pieces: MemoryPieces,
  { calls: addon = native!, engine = defaultEngine()!, toPipe = false, onProgress }: FlowOptions = {},
): Running {
  const calls: ('sent' | 'released')[] = []
  let onSent: (result: { error: unknown; sentBytes: number }) => void = () => {}
  let onReleased: (copiedBytes: number) => void = () => {}
  const ends: ReferenceEnds = {
    sent(error, sentBytes) {
      calls.push('sent')
      hold.release()
      onSent({ error, sentBytes })
    },
    released(copiedBytes) {
      calls.push('released')
      onReleased(copiedBytes)
    },
  }
  const sent = new Promise<{ error: unknown; sentBytes: number }>(resolve => {
    onSent = resolve
  })
  const released = new Promise<number>(resolve => {
    onReleased = resolve
  })
  const flow =
    path === 'vmsplice'
      ? new VmspliceFlow(addon, engine, hold, pieces, onProgress, ends, toPipe ? null : pipes)
      : new flows[path](addon, engine, hold, pieces, onProgress, ends)
  flow.begin()
  return {
    sent,
    released,
    get isReleased() {
      return calls.includes('released')
    },
    calls,
    interrupt: error => flow.interrupt(error),
  }
}

const flows = { writev: WritevFlow, zerocopy: ZerocopyFlow, sendfile: SendfileMemoryFlow }

/** Sends all of it, waits until it is let go of, and releases it → bytes that were copied. */
export async function sendMemory(
  path: MemoryPath,
  hold: SocketHold,
  memory: HeldMemory,
  options: FlowOptions = {},
): Promise<number> {
  const running = startFlow(path, hold, memory, options)
  const { error } = await running.sent
  const copiedBytes = await running.released
  memory.release()
  if (error !== null) throw error
  return copiedBytes
}
