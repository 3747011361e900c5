/**
 * File to any writable stream by copying: read(2) on the thread pool into two buffers by turns, one being
 * written while the other is filled. It works everywhere: behind TLS, without the addon, from pipes and devices.
 */
import { read } from 'node:fs'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'
import { SluiceError, systemError } from '../../base/errors.js'
import { KiB } from '../../base/units.js'
import { blocksRemedy } from '../write-error.js'
import { CopyOutput } from './copy-output.js'

/** Twice what streams read at a time: fewer trips through the thread pool. */
const bufferBytes = 128 * KiB

/** How long to wait when a pipe is empty but not at its end: nothing tells when it is not. */
const retryMs = 2

export interface CopyRange {
  fd: number
  /** First byte, or null to read from where the descriptor stands: pipes and devices have no positions. */
  start: number | null
  /** Number of bytes, or null for all there are until the end. */
  length: number | null
}

export interface CopyDone {
  /** Null where it did well. */
  error: unknown
  /** Bytes that the stream took. After an interruption some may still be in it, and go out all the same. */
  sentBytes: number
}

export interface CopyRun {
  /** Never rejects. Settles when the descriptor is not read any more; what the stream took may still be in it. */
  readonly done: Promise<CopyDone>
  /** Ends the copy from outside. */
  interrupt(error: unknown): void
}

export function copyFile(
  range: CopyRange,
  sink: Writable,
  onProgress?: (sentBytes: number) => void,
): CopyRun {
  const output = new CopyOutput(sink)
  return { done: copy(range, output, onProgress ?? (() => {})), interrupt: error => output.stop(error) }
}

async function copy(
  { fd, start, length }: CopyRange,
  output: CopyOutput,
  onProgress: (sentBytes: number) => void,
): Promise<CopyDone> {
  const buffers = [Buffer.allocUnsafeSlow(bufferBytes), Buffer.allocUnsafeSlow(bufferBytes)] as const
  let turn: 0 | 1 = 0
  let readBytes = 0
  let sentBytes = 0
  let written: Promise<void> = Promise.resolve()
  const settleWrite = async (): Promise<void> => {
    await written
    if (readBytes === sentBytes) return
    sentBytes = readBytes
    onProgress(sentBytes)
  }
  try {
    while (length === null || readBytes < length) {
      const buffer = output.keepsBytes ? Buffer.allocUnsafeSlow(bufferBytes) : buffers[turn]
      const wanted = length === null ? bufferBytes : Math.min(bufferBytes, length - readBytes)
      const count = await readSome(fd, buffer, wanted, start === null ? null : start + readBytes)
      await settleWrite()
      if (count === nothingYet) {
        await output.pause(retryMs)
        continue
      }
      if (count === 0 && length !== null) {
        throw new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${length - readBytes} bytes early`)
      }
      if (count === 0) break
      written = output.write(buffer.subarray(0, count))
      readBytes += count
      turn = turn === 0 ? 1 : 0
    }
    await settleWrite()
    return { error: null, sentBytes }
  } catch (error) {
    return { error, sentBytes: output.takenBytes }
  } finally {
    output.forget()
  }
}

/** What a pipe gives that is empty while something may still come. */
const nothingYet = -1

/** → bytes read, 0 at the end. */
function readSome(fd: number, buffer: Buffer, wanted: number, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, wanted, position, (error, count) => {
      if (error?.errno === -constants.errno.EAGAIN) resolve(nothingYet)
      else if (error) reject(readError(error))
      else resolve(count)
    })
  })
}

function readError(cause: NodeJS.ErrnoException): SluiceError {
  const remedy = cause.code === 'EINVAL' ? { remedy: blocksRemedy } : {}
  return systemError(cause.errno ?? 0, 'read', 'Reading a file', { cause, ...remedy })
}
