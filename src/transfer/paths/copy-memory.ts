/**
 * Memory to any writable stream by copying. The stream gets copies: when a transfer is cut short it may keep what it
 * was given for as long as it likes, and the memory must be free by then.
 */
import type { Writable } from 'node:stream'
import { KiB } from '../../base/units.js'
import { goneError, type HeldMemory, intact } from '../memory-pieces.js'
import type { CopyDone, CopyRun } from './copy.js'
import { CopyOutput } from './copy-output.js'

/** Between pieces a copy can be ended, and tells how far it is. */
const pieceBytes = 128 * KiB

export function copyMemory(
  memory: HeldMemory,
  sink: Writable,
  onProgress: ((sentBytes: number) => void) | undefined,
): CopyRun {
  const output = new CopyOutput(sink)
  return { done: copy(memory, output, onProgress), interrupt: error => output.stop(error) }
}

async function copy(
  memory: HeldMemory,
  output: CopyOutput,
  onProgress: ((sentBytes: number) => void) | undefined,
): Promise<CopyDone> {
  try {
    for (const view of memory.views) {
      const { length } = view
      for (let from = 0; from < length; from += pieceBytes) {
        if (!intact(memory)) throw goneError()
        const piece = Buffer.from(view.subarray(from, from + pieceBytes))
        memory.check()
        await output.write(piece)
        onProgress?.(output.takenBytes)
      }
    }
    return { error: null, sentBytes: output.takenBytes }
  } catch (error) {
    return { error, sentBytes: output.takenBytes }
  } finally {
    output.forget()
  }
}
