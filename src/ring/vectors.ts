/**
 * Hot: pieces of memory that one submission names, as an array of struct iovec. The kernel reads it when it takes the
 * submission: after submit() it can be filled anew. With SQPOLL that is when `submissions.pending` is 0.
 */
import type { Native } from '../native/calls.js'
import { iovec } from './layout.js'
import { RingMemory } from './ring-memory.js'

const vectorBytes = 4 * iovec.words

export class Vectors {
  /** Where the array itself is: the ring's, not the program's. */
  readonly memory: RingMemory
  readonly #words: Int32Array

  /** As many pieces as IOV_MAX allows: 1 to 1024. */
  constructor(native: Native, count: number) {
    this.memory = new RingMemory(native, new Uint8Array(new ArrayBuffer(count * vectorBytes)), () => {})
    this.#words = new Int32Array(this.memory.bytes.buffer)
  }

  /** Piece `index` is the `length` bytes of `memory` at `offset`. */
  set(index: number, memory: RingMemory, offset: number, length: number): void {
    const words = this.#words
    const at = index * iovec.words
    words[at] = memory.lowAt(offset, length)
    words[at + 1] = memory.highAt(offset)
    words[at + 2] = length
    words[at + 3] = 0
  }

  /** How many bytes the first `count` vectors take. */
  bytesOf(count: number): number {
    return count * vectorBytes
  }
}
