/** How an engine that watches epoll sets is called when they have something to tell. */

/**
 * `loop`: Node's loop watches the sets, beside all that it waits for. `engine`: the engine waits for them in the loop's
 * place, and the loop has its turn when it has something to do.
 */
export const waits = ['loop', 'engine'] as const

export type Wait = (typeof waits)[number]

export interface Waiting {
  /** Whether there is something to wait for, so that the process stays. */
  keepAlive(on: boolean): void
  /** No more calls, and the sets are closed. Not from within a call. */
  close(): void
}
