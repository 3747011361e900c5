/**
 * Whether the pages of a region can be replaced by fresh ones, and doing so.
 *
 * Whoever was handed references to the old pages, such as a socket's queue, keeps these, unchanged, for as long as it
 * needs them; the program gets other memory in their place. The bytes are zeros then. fallocate(2),
 * FALLOC_FL_PUNCH_HOLE.
 */
import { SluiceError } from '../base/errors.js'

export class RegionPages {
  readonly #forGood: string
  readonly #replace: (offset: number, bytes: number) => number
  /** Why the pages must stay for now, each an object of its own, so that who gives a reason takes back no other's. */
  readonly #reasons = new Set<{ readonly why: string }>()
  #lent = 0

  /** `forGood`: why they can never be replaced, or an empty string; `replace` gives 0 or -errno. */
  constructor(forGood: string, replace: (offset: number, bytes: number) => number) {
    this.#forGood = forGood
    this.#replace = replace
  }

  /** Why the pages cannot be replaced, as a clause that can follow a colon; empty where they can. */
  get keptBecause(): string {
    if (this.#forGood !== '') return this.#forGood
    for (const { why } of this.#reasons) return why
    return ''
  }

  /**
   * Forbids replacing: somebody, such as a ring, a NIC or another process, goes by the pages that are there now.
   * `why` is a clause → a function that allows it again.
   *
   * @throws ERR_SLUICE_IN_FLIGHT where pages were sent by reference that are to be replaced
   */
  keep(why: string): () => void {
    if (this.#lent > 0) {
      throw new SluiceError(
        'ERR_SLUICE_IN_FLIGHT',
        `The pages must stay because ${why}, but ${this.#lent} transfers are to replace some of them`,
      )
    }
    const reason = { why }
    this.#reasons.add(reason)
    return () => this.#reasons.delete(reason)
  }

  /** Before pages are sent that will be replaced → why they cannot be, or an empty string: then giveBack() follows. */
  lend(): string {
    const { keptBecause } = this
    if (keptBecause === '') this.#lent++
    return keptBecause
  }

  /** Once for each lend() that was granted. */
  giveBack(): void {
    this.#lent--
  }

  /** Puts fresh pages in the place of whole ones → 0, or -errno where there is no memory: do not touch the bytes then. */
  replace(offset: number, bytes: number): number {
    return this.#replace(offset, bytes)
  }
}
