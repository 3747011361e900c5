/**
 * Hot: bytes that submissions may name, with the address that the kernel knows them by, taken once.
 *
 * A submission names memory only as an offset into a RingMemory, which checks it: no address is ever computed from
 * something that could be gone. What a region's RingMemory stands for is pinned, so that Region.close() waits, from
 * `ring.use(region)` until release() or until the ring is closed and has nothing in flight.
 */
import { checkInteger } from '../base/options.js'
import type { RegionPages } from '../memory/region-pages.js'
import type { Native } from '../native/calls.js'
import { highHalf, lowHalf } from './halves.js'

const highUnit = 2 ** 32

export class RingMemory {
  /** All of the bytes, as the program sees them. */
  readonly bytes: Uint8Array
  /** The address's halves; the low one without a sign, so that an offset can be added. */
  readonly low: number
  readonly high: number
  /** How many bytes submissions may name: none after release(). */
  byteLength: number
  readonly #letGo: () => void
  readonly #pages: RegionPages | null

  /**
   * `letGo` runs once, at release(); `pages` are null where the bytes are in no region.
   *
   * @throws ERR_SLUICE_OPTION where there are 4 GiB or more
   */
  constructor(native: Native, bytes: Uint8Array, letGo: () => void, pages: RegionPages | null = null) {
    checkInteger('the size of memory that a ring uses', bytes.byteLength, { min: 0, max: highUnit - 1 })
    const address = native.addressOf(bytes)
    this.bytes = bytes
    this.low = lowHalf(address) >>> 0
    this.high = highHalf(address)
    this.byteLength = bytes.byteLength
    this.#letGo = letGo
    this.#pages = pages
  }

  /**
   * Forbids that other pages take the place of those that are there: the kernel goes by these, not by the address
   * → a function that allows it again.
   *
   * @throws ERR_SLUICE_IN_FLIGHT where some are about to be replaced
   */
  keepPages(): () => void {
    return this.#pages?.keep('a ring goes by them') ?? nothing
  }

  /** The low half of the address of the byte at `offset`, once `length` bytes from there are known to exist. */
  lowAt(offset: number, length: number): number {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.byteLength)) {
      throw new RangeError(`${length} bytes at ${offset} are not within ${this.byteLength}`)
    }
    return (this.low + offset) | 0
  }

  /** The high half of the address of the byte at `offset`. */
  highAt(offset: number): number {
    return this.low + offset < highUnit ? this.high : this.high + 1
  }

  /** Nothing that is in flight may name these bytes any more: whoever submitted it knows. The pin ends. */
  release(): void {
    if (this.byteLength === 0) return
    this.byteLength = 0
    this.#letGo()
  }
}

function nothing(): void {}
