/** What ended a transfer from outside, for whatever it waits for at that time. */
import type { SluiceError } from '../base/errors.js'

export class Interruption {
  #error: SluiceError | null = null
  #listener: ((error: SluiceError) => void) | null = null

  raise(error: SluiceError): void {
    this.#error = error
    this.#listener?.(error)
  }

  /** Passes the interruption to what runs from now on. */
  pass(listener: (error: SluiceError) => void): void {
    this.#listener = listener
    if (this.#error !== null) listener(this.#error)
  }

  /** The value, unless the interruption comes first; `giveBack` gets a value that comes too late. */
  or<Value>(value: Promise<Value>, giveBack?: (value: Value) => void): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.pass(reject)
      value.then(held => {
        if (this.#error !== null) giveBack?.(held)
        resolve(held)
      }, reject)
    })
  }
}
