/**
 * Hot: where a field's value ends. Most bytes of a head are in values, so that four are looked at together: as a
 * 32-bit word, whose bytes are compared without taking the word apart.
 */
import { valueBytes } from './bytes.js'

const ones = 0x01010101
const highBits = 0x80808080 | 0
const spaces = 0x20202020
const deletes = 0x7f7f7f7f

/** Bytes, and the same memory as words. */
export class Words {
  readonly bytes: Uint8Array
  readonly #words: Int32Array
  /** Where the bytes begin in that memory. */
  readonly #base: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#base = bytes.byteOffset
    this.#words = new Int32Array(bytes.buffer, 0, Math.floor((bytes.byteOffset + bytes.byteLength) / 4))
  }

  /** The first byte from `at` on that no value has; `limit` where there is none. */
  valueEnd(at: number, limit: number): number {
    const { bytes } = this
    const base = this.#base
    const words = this.#words
    while (((base + at) & 3) !== 0) {
      if (at >= limit || valueBytes[bytes[at]!] === 0) return at
      at++
    }
    let place = (base + at) >> 2
    const stop = (base + limit) >> 2
    while (place < stop) {
      const word = words[place]!
      const noDelete = word ^ deletes
      // A byte below space borrows from its highest bit, which it did not have; a DEL, now zero, does for one.
      if ((((word - spaces) & ~word) | ((noDelete - ones) & ~noDelete)) & highBits) break
      place++
    }
    at = Math.max(at, (place << 2) - base)
    while (at < limit && valueBytes[bytes[at]!] !== 0) at++
    return at
  }
}
