/** Where a flow is in the pieces of memory that it sends. */
import { intact, type MemoryPieces } from './memory-pieces.js'

export class PieceCursor {
  readonly #pieces: MemoryPieces
  #view = 0
  #offset = 0
  /** Bytes that were passed so far. */
  done = 0

  constructor(pieces: MemoryPieces) {
    this.#pieces = pieces
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#pieces.bytes - this.done
  }

  /** The next bytes, in one piece of at most `bytesMax`; null where the memory is gone. Only where some are left. */
  next(bytesMax: number): Uint8Array | null {
    const { views } = this.#pieces
    if (!intact(this.#pieces)) return null
    while (this.#offset === views[this.#view]!.length) {
      this.#view++
      this.#offset = 0
    }
    const view = views[this.#view]!
    const end = Math.min(this.#offset + bytesMax, view.length)
    return this.#offset === 0 && end === view.length ? view : view.subarray(this.#offset, end)
  }

  /** So many of them were taken. */
  advance(bytes: number): void {
    this.#offset += bytes
    this.done += bytes
  }
}
