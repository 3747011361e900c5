/**
 * File to any writable stream by copying: read(2) on the thread pool into two buffers by turns, one being
 * written while the other is filled. It works everywhere: behind TLS, without the addon, from pipes and devices.
 */
import { read } from 'node:fs'
import type { Writable } from 'node:stream'
import { SluiceError, systemError } from '../../base/errors.js'
import { KiB } from '../../base/units.js'
import { closedHere } from '../socket-hold.js'

/** Twice what streams read at a time: fewer trips through the thread pool. */
const bufferBytes = 128 * KiB

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
  const stop = new Stop(sink)
  return { done: copy(range, sink, stop, onProgress ?? (() => {})), interrupt: error => stop.now(error) }
}

async function copy(
  { fd, start, length }: CopyRange,
  sink: Writable,
  stop: Stop,
  onProgress: (sentBytes: number) => void,
): Promise<CopyDone> {
  const buffers = [Buffer.allocUnsafeSlow(bufferBytes), Buffer.allocUnsafeSlow(bufferBytes)] as const
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
    for (let turn = 0; length === null || readBytes < length; turn ^= 1) {
      const buffer = buffers[turn as 0 | 1]
      const wanted = length === null ? bufferBytes : Math.min(bufferBytes, length - readBytes)
      const count = await readSome(fd, buffer, wanted, start === null ? null : start + readBytes)
      await settleWrite()
      if (count === 0 && length !== null) {
        throw new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${length - readBytes} bytes early`)
      }
      if (count === 0) break
      readBytes += count
      written = stop.orWritten(sink, buffer.subarray(0, count))
    }
    await settleWrite()
    return { error: null, sentBytes }
  } catch (error) {
    return { error, sentBytes }
  } finally {
    stop.forget()
  }
}

/** What ends a copy before its time: the stream's closing, or an interruption. */
class Stop {
  readonly #sink: Writable
  readonly #stopped: Promise<never>
  readonly now: (error: unknown) => void

  constructor(sink: Writable) {
    this.#sink = sink
    let reject: (error: unknown) => void = () => {}
    this.#stopped = new Promise((_resolve, rejectIt) => {
      reject = rejectIt
    })
    this.#stopped.catch(() => {})
    this.now = reject
    if (sink.destroyed) reject(closedHere())
    // A response without a connection drops its write callbacks; and an error that nobody listens to ends the process.
    sink.on('close', this.#onClose)
    sink.on('error', this.#onError)
  }

  /** Resolves when the stream is done with the bytes; rejects when it fails or the copy is stopped. */
  orWritten(sink: Writable, bytes: Buffer): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      sink.write(bytes, error => (error ? reject(writeError(error)) : resolve()))
    })
    const either = Promise.race([written, this.#stopped])
    // It is awaited only after the next read.
    either.catch(() => {})
    return either
  }

  forget(): void {
    this.#sink.off('close', this.#onClose)
    this.#sink.off('error', this.#onError)
  }

  readonly #onClose = (): void => this.now(closedHere())
  readonly #onError = (error: Error): void => this.now(writeError(error))
}

function readSome(fd: number, buffer: Buffer, wanted: number, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, wanted, position, (error, count) => {
      if (error) reject(systemError(error.errno ?? 0, 'read', 'Reading a file', { cause: error }))
      else resolve(count)
    })
  })
}

function writeError(error: Error & { errno?: number }): SluiceError {
  if (typeof error.errno === 'number')
    return systemError(error.errno, 'write', 'Sending a file', { cause: error })
  return closedHere(error)
}
