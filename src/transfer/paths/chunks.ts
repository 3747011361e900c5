/** What bytes are copied from, chunk by chunk: a stream, a descriptor, or memory. */
import { read } from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { SluiceError, systemError } from '../../base/errors.js'
import { KiB } from '../../base/units.js'
import { closedError } from '../ends/closed.js'
import { endErrorOf } from '../ends/end-error.js'
import { goneError, intact, type MemoryPieces } from '../memory-pieces.js'
import type { CopyRange } from './copy.js'

/** As much as a file is read at a time in copy.ts. */
const chunkBytes = 128 * KiB

/** How long to wait when a pipe is empty but not at its end: nothing tells when it is not. */
const retryMs = 2

export interface Chunks {
  /** The next bytes, which nobody changes any more; null at the end. Not before the last ones have come. */
  next(): Promise<Buffer | null>
  /** Fails what is waited for, and all that is asked for later. */
  stop(error: unknown): void
  /** Resolves when the source is not used any more; next() must not be asked then. */
  close(): Promise<void>
}

/** A stream is neither ended nor destroyed, and is paused at the end. */
export class StreamChunks implements Chunks {
  readonly #from: Readable
  #resolve: (chunk: Buffer | null) => void = nothing
  #reject: (error: unknown) => void = nothing
  /** What came without being asked for. */
  readonly #early: Buffer[] = []
  #ended = false
  #failed = false
  #error: unknown

  constructor(from: Readable) {
    this.#from = from
    from.on('data', this.#onData).on('close', this.#onClose).on('error', this.#onError)
    // Before anybody who may close it: then nobody could tell any more how it has ended.
    from.prependListener('end', this.#onEnd)
    from.pause()
    // A stream that is over says no more.
    if (from.readableEnded) this.#onEnd()
    else if (from.destroyed) this.stop(closedError(from))
  }

  next(): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      const early = this.#early.shift()
      if (early !== undefined) return resolve(early)
      if (this.#failed) return reject(this.#error)
      if (this.#ended) return resolve(null)
      this.#resolve = resolve
      this.#reject = reject
      this.#from.resume()
    })
  }

  stop(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#error = error
    // What comes later is kept for the stream.
    this.#resolve = nothing
    this.#reject(error)
  }

  async close(): Promise<void> {
    const from = this.#from
    from
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onError)
    if (this.#early.length > 0 && !from.readableEnded) from.unshift(Buffer.concat(this.#early))
    from.pause()
  }

  readonly #onData = (data: Buffer | string): void => {
    const chunk = typeof data === 'string' ? Buffer.from(data, this.#from.readableEncoding!) : data
    this.#from.pause()
    const resolve = this.#resolve
    this.#resolve = nothing
    if (resolve === nothing) this.#early.push(chunk)
    else resolve(chunk)
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    const error = endErrorOf(this.#from)
    if (error === null) this.#resolve(null)
    else this.stop(error)
  }

  readonly #onClose = (): void => {
    if (!this.#ended) this.stop(closedError(this.#from))
  }

  readonly #onError = (error: Error): void => this.stop(closedError(this.#from, error))
}

export class DescriptorChunks implements Chunks {
  readonly #range: CopyRange
  #readBytes = 0
  #reading: Promise<Buffer | null> | null = null
  #failed = false
  #error: unknown
  #reject: (error: unknown) => void = nothing

  constructor(range: CopyRange) {
    this.#range = range
  }

  next(): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#error)
      this.#reject = reject
      this.#reading = this.#read()
      this.#reading.then(resolve, reject)
    })
  }

  stop(error: unknown): void {
    this.#failed = true
    this.#error = error
    this.#reject(error)
  }

  async close(): Promise<void> {
    this.#failed = true
    await this.#reading?.catch(nothing)
  }

  async #read(): Promise<Buffer | null> {
    const { fd, start, length } = this.#range
    const wanted = length === null ? chunkBytes : Math.min(chunkBytes, length - this.#readBytes)
    if (wanted === 0) return null
    const buffer = Buffer.allocUnsafeSlow(wanted)
    const position = start === null ? null : start + this.#readBytes
    let count = await readSome(fd, buffer, position)
    while (count === nothingYet && !this.#failed) {
      await new Promise(resolve => setTimeout(resolve, retryMs))
      count = await readSome(fd, buffer, position)
    }
    if (count > 0) {
      this.#readBytes += count
      return buffer.subarray(0, count)
    }
    if (length === null || count === nothingYet) return null
    const missing = length - this.#readBytes
    throw new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${missing} bytes early`)
  }
}

/** Each chunk is a copy: a stream may keep it longer than the transfer lasts. */
export class MemoryChunks implements Chunks {
  readonly #pieces: MemoryPieces
  #index = 0
  #offset = 0
  #failed = false
  #error: unknown

  constructor(pieces: MemoryPieces) {
    this.#pieces = pieces
  }

  async next(): Promise<Buffer | null> {
    if (this.#failed) throw this.#error
    if (!intact(this.#pieces)) throw goneError()
    const view = this.#pieces.views[this.#index]
    if (view === undefined) return null
    const bytes = view.subarray(this.#offset, this.#offset + chunkBytes)
    this.#offset += bytes.length
    if (this.#offset === view.length) {
      this.#index++
      this.#offset = 0
    }
    return Buffer.from(bytes)
  }

  stop(error: unknown): void {
    this.#failed = true
    this.#error = error
  }

  async close(): Promise<void> {}
}

/** What a pipe gives that is empty while something may still come. */
const nothingYet = -1

/** → bytes read, 0 at the end. */
function readSome(fd: number, buffer: Buffer, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, position, (error, count) => {
      if (error?.errno === -constants.errno.EAGAIN) resolve(nothingYet)
      else if (error) reject(systemError(error.errno ?? 0, 'read', 'Reading a source', { cause: error }))
      else resolve(count)
    })
  })
}

function nothing(): void {}
