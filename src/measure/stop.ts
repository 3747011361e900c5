import { SluiceError } from '../base/errors.js'

/** An interruption from outside, for whatever is awaited when it comes. */
export class Stop {
  readonly #signal: AbortSignal | undefined
  #listener: (() => void) | null = null

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  check(): void {
    if (this.#signal?.aborted) throw this.#error()
  }

  or<Value>(work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#listener = () => reject(this.#error())
      this.#signal?.addEventListener('abort', this.#listener)
      work.then(resolve, reject)
    })
  }

  end(): void {
    if (this.#listener !== null) this.#signal?.removeEventListener('abort', this.#listener)
  }

  #error(): SluiceError {
    const cause: unknown = this.#signal?.reason
    return new SluiceError('ERR_SLUICE_ABORTED', 'Measuring was interrupted', { cause })
  }
}
