/** Pages that the kernel is handed by reference, until fresh ones have taken their place. */
import type { Region } from './region.js'

/** How long it is waited for memory before fresh pages are asked for again, at first and at most. */
const retryMs = 10
const retryMsMax = 1000

export class LentPages {
  readonly #region: Region
  readonly #offset: number
  readonly #bytes: number
  #lent = false

  /** Whole pages: `offset` and `bytes` are multiples of the region's page size. */
  constructor(region: Region, offset: number, bytes: number) {
    this.#region = region
    this.#offset = offset
    this.#bytes = bytes
  }

  /** Before the first system call that names them → why they cannot be lent, or an empty string. */
  lend(): string {
    const why = this.#region.pages.lend()
    this.#lent = why === ''
    return why
  }

  /**
   * After the last such call. Calls back once the bytes may be used again: at once as a rule, and later where memory is
   * short. `taken`: whether the kernel took any. Where lend() was refused there is nothing to wait for.
   */
  takeBack(taken: boolean, done: () => void): void {
    if (!this.#lent) return done()
    this.#lent = false
    if (taken) this.#replace(retryMs, done)
    else this.#end(done)
  }

  #replace(waitMs: number, done: () => void): void {
    const region = this.#region
    // Nobody gets the bytes of a region that was closed, so that they need no pages.
    if (region.closed || region.pages.replace(this.#offset, this.#bytes) === 0) return this.#end(done)
    setTimeout(() => this.#replace(Math.min(waitMs * 2, retryMsMax), done), waitMs)
  }

  #end(done: () => void): void {
    this.#region.pages.giveBack()
    done()
  }
}
