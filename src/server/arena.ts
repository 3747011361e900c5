/**
 * Memory of one region in blocks, for responses of many sizes. A block's size is a power of two; a block that is given
 * back serves the next of its size, so nothing is ever moved, and what is lost is less than half.
 */
import type { Region } from '../memory/region.js'

/** The smallest block, in bytes, as a power of two: a head and a small file. */
const smallestPower = 10

export interface Block {
  /** Where it begins in the region, in bytes. */
  readonly offset: number
  readonly power: number
}

export class Arena {
  readonly bytes: Uint8Array
  /** The same, to write text into. */
  readonly text: Buffer
  readonly #free: Block[][] = []
  #used = 0

  constructor(region: Region) {
    this.bytes = region.bytes
    this.text = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
  }

  /** A block of `byteLength` or more, or null where there is none now. */
  take(byteLength: number): Block | null {
    const power = Math.max(smallestPower, Math.ceil(Math.log2(byteLength)))
    const known = this.#free[power]?.pop()
    if (known !== undefined) return known
    const size = 2 ** power
    if (this.#used + size > this.bytes.length) return null
    const offset = this.#used
    this.#used += size
    return { offset, power }
  }

  /** Nothing refers to the block any more. */
  give(block: Block): void {
    const free = this.#free[block.power]
    if (free === undefined) this.#free[block.power] = [block]
    else free.push(block)
  }
}
