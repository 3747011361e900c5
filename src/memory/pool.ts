/** A region cut into slots of one size, which are lent out and come back: its memory is allocated once. */
import { asyncDispose } from '../base/dispose.js'
import { SluiceError } from '../base/errors.js'
import { checkInteger } from '../base/options.js'
import { native } from '../native/load.js'
import { pageBytes, regionBytesMax, roundUp } from './backing.js'
import type { Lease } from './lease.js'
import { Region, type RegionOptions } from './region.js'
import { Slots } from './slots.js'
import { kernelViews, openViews } from './views.js'
import { Waiters, waitAborted } from './waiters.js'

export interface PoolOptions {
  /** How many slots. */
  slots: number
  /** The size of each, in bytes. Slots begin at page boundaries: sizes that are whole pages waste nothing. */
  slotBytes: number
  /** As for a region. */
  hugePages?: RegionOptions['hugePages']
  /**
   * For tests and for finding bugs: the memory itself refuses what is wrong. Every lease gets a mapping of
   * its own. Its pages are inaccessible while the kernel has them, so that touching them kills the process
   * with SIGSEGV instead of corrupting what is sent, and views of a lease that was released have length 0.
   * Slots that are given back are filled with 0xdb. A lease then costs some 6 µs, and 30 µs where all of its
   * 64 KiB are touched, instead of some 10 ns, and one of the process's mappings (sysctl vm.max_map_count,
   * 65530) while it lasts. Not with huge pages. Where the region is plain memory, leases are copies and
   * nothing is made inaccessible.
   */
  verify?: boolean | undefined
  /** Memory to cut up, which stays the caller's to close; otherwise the pool makes its own. */
  region?: Region | undefined
  /** How many may wait in take() at once; the next gets ERR_SLUICE_POOL_EMPTY. 1024 unless told. */
  waitersMax?: number | undefined
}

export interface TakeOptions {
  /** Ends the wait with ERR_SLUICE_ABORTED. */
  signal?: AbortSignal | undefined
  /** False fails with ERR_SLUICE_POOL_EMPTY at once instead of waiting. */
  wait?: boolean | undefined
}

export class Pool {
  /** The memory that the slots are cut from. */
  readonly region: Region
  readonly slots: number
  readonly slotBytes: number
  /** From the beginning of one slot to the next, in bytes: `slotBytes` in whole pages. */
  readonly strideBytes: number
  readonly #waitersMax: number
  readonly #slots: Slots
  readonly #ownRegion: boolean
  readonly #forgetRegion: () => void
  readonly #waiters = new Waiters<Lease>()
  #closed: Promise<void> | null = null

  /** @throws ERR_SLUICE_OPTION, and what opening a region throws */
  constructor({ slots, slotBytes, hugePages, verify = false, region, waitersMax = 1024 }: PoolOptions) {
    this.slotBytes = checkInteger('slotBytes', slotBytes, { min: 1, max: regionBytesMax })
    this.strideBytes = roundUp(slotBytes, pageBytes)
    this.slots = checkInteger('slots', slots, { min: 1, max: Math.floor(regionBytesMax / this.strideBytes) })
    this.#waitersMax = checkInteger('waitersMax', waitersMax, { min: 0 })
    const bytes = slots * this.strideBytes
    if (region !== undefined) checkRegion(region, bytes, verify)
    else if (verify && hugePages !== undefined)
      throw option('verify needs ordinary pages: leave hugePages out')
    this.region = region ?? new Region({ bytes, hugePages, name: 'sluice-pool' })
    this.#ownRegion = region === undefined
    const kernel = kernelViews(this.region, this)
    const views = openViews(this.region, this, kernel, verify)
    this.#slots = new Slots(this.region, kernel, this.strideBytes, views, () => this.#serve())
    this.#forgetRegion = this.region.onClose(() => void this.close())
  }

  /** Slots that nobody has. */
  get free(): number {
    return this.#slots.freeCount
  }

  /** Slots that the program has. */
  get leased(): number {
    return this.#slots.leasedCount
  }

  /** Slots that the kernel has. */
  get inFlight(): number {
    return this.#slots.inFlight.count
  }

  /** Callers of take() who wait. */
  get waiting(): number {
    return this.#waiters.size
  }

  /**
   * A lease of a free slot; where there is none, of the next that is given back, first come first served.
   *
   * @throws ERR_SLUICE_POOL_EMPTY where `wait` is false, or `waitersMax` wait already; ERR_SLUICE_ABORTED;
   *   ERR_SLUICE_CLOSED, also while waiting
   */
  async take({ signal, wait = true }: TakeOptions = {}): Promise<Lease> {
    if (signal?.aborted) throw waitAborted(signal)
    const lease = this.tryTake()
    if (lease !== null) return lease
    if (!wait) throw this.#empty('was not to be waited for')
    if (this.#waiters.size >= this.#waitersMax) throw this.#empty(`has ${this.#waiters.size} waiting already`)
    return this.#waiters.wait(signal)
  }

  /**
   * A lease of a free slot, or null where there is none.
   *
   * @throws ERR_SLUICE_CLOSED
   */
  tryTake(): Lease | null {
    if (this.#slots.closed) throw this.#closedError()
    return this.#slots.take()
  }

  /**
   * Ends every lease and every wait with ERR_SLUICE_CLOSED at once. Resolves when nothing is in flight any
   * more and the memory is gone, unless it is the caller's own region. Every call returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#slots.closed = true
    this.#waiters.rejectAll(this.#closedError())
    await this.#slots.inFlight.idle()
    this.#slots.dropLeased()
    this.#forgetRegion()
    if (this.#ownRegion) await this.region.close()
  }

  /** Lends what is free to those who wait. */
  #serve(): void {
    while (this.#waiters.size > 0 && this.#slots.freeCount > 0 && !this.#slots.closed) {
      const waiter = this.#waiters.next()!
      try {
        waiter.resolve(this.#slots.take()!)
      } catch (error) {
        waiter.reject(error)
      }
    }
  }

  #empty(why: string): SluiceError {
    return new SluiceError('ERR_SLUICE_POOL_EMPTY', `The pool of ${this.slots} slots is empty and ${why}`)
  }

  #closedError(): SluiceError {
    return new SluiceError('ERR_SLUICE_CLOSED', `The pool of ${this.slots} slots was closed`)
  }
}

function checkRegion(region: Region, bytes: number, verify: boolean): void {
  if (region.byteLength < bytes) {
    throw option(`region must have ${bytes} bytes or more for these slots, not ${region.byteLength}`)
  }
  if (!verify) return
  if (region.hugePages) throw option('verify needs ordinary pages: the region has huge ones')
  const { fd } = region
  if (native !== null && fd !== null && (native.getSeals(fd) & native.F_SEAL_FUTURE_WRITE) !== 0) {
    throw option('verify needs mappings of its own: the region is sealed against future writing')
  }
}

function option(what: string): SluiceError {
  return new SluiceError('ERR_SLUICE_OPTION', what)
}
