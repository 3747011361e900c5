/** Those who wait for something, first come first served, in bounded number. */
import { SluiceError } from '../base/errors.js'

export interface Waiter<Item> {
  resolve(item: Item): void
  reject(error: unknown): void
}

export class Waiters<Item> {
  readonly #queue = new Set<Waiter<Item>>()

  get size(): number {
    return this.#queue.size
  }

  /** Joins the queue's end; `signal` leaves it again, with ERR_SLUICE_ABORTED. */
  wait(signal?: AbortSignal): Promise<Item> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#queue.delete(waiter)
        waiter.reject(waitAborted(signal!))
      }
      const stop = (): void => signal?.removeEventListener('abort', onAbort)
      const waiter: Waiter<Item> = {
        resolve: item => {
          stop()
          resolve(item)
        },
        reject: error => {
          stop()
          reject(error)
        },
      }
      signal?.addEventListener('abort', onAbort)
      this.#queue.add(waiter)
    })
  }

  /** Takes the one who has waited longest out of the queue. */
  next(): Waiter<Item> | undefined {
    const { value } = this.#queue.values().next()
    if (value !== undefined) this.#queue.delete(value)
    return value
  }

  rejectAll(error: unknown): void {
    for (let waiter = this.next(); waiter !== undefined; waiter = this.next()) waiter.reject(error)
  }
}

export function waitAborted(signal: AbortSignal): SluiceError {
  return new SluiceError('ERR_SLUICE_ABORTED', 'Waiting for a lease was aborted', { cause: signal.reason })
}
