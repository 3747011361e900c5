/**
 * A source that breaks off while sinks are still to get what came before: those that take something have time for it;
 * where none does, that ends the flow.
 */
import { stallTurnMs } from './stall.js'
import type { Lane } from './tee-lane.js'
import type { TeeSource } from './tee-source.js'

export class TeeCut {
  readonly #source: TeeSource
  readonly #lanes: readonly Lane[]
  readonly #cut: (error: unknown) => void
  #error: unknown = null
  #timer: NodeJS.Timeout | null = null
  /** What all sinks had when it was looked last. */
  #sentBytes = 0

  /** `cut` is called at most once. */
  constructor(source: TeeSource, lanes: readonly Lane[], cut: (error: unknown) => void) {
    this.#source = source
    this.#lanes = lanes
    this.#cut = cut
  }

  /** To be asked when sinks are waited for; `isEnding`: the engine has seen an end of the source → whether it has broken off. */
  begun(isEnding: boolean): boolean {
    this.#error ??= this.#source.failure ?? (isEnding ? this.#source.brokenOff() : null)
    if (this.#error === null) return false
    if (this.#timer === null) this.#look()
    return true
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #look(): void {
    this.#sentBytes = this.#lanes.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
    this.#timer = setTimeout(this.#onTurn, stallTurnMs)
  }

  readonly #onTurn = (): void => {
    const before = this.#sentBytes
    this.#look()
    if (this.#sentBytes === before) this.#cut(this.#error)
  }
}
