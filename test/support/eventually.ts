/** Waiting for what must happen, and clocks. */
import { performance } from 'node:perf_hooks'
import type { TestContext } from 'node:test'

/** How long a thing that must happen may take before it is taken to hang: far longer than any machine needs. */
export const watchdogMs = 60_000

/** Waits until the condition holds; `what` says what it was, should it never. */
export async function eventually(condition: () => boolean, what: () => string): Promise<void> {
  const giveUp = Date.now() + watchdogMs
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(what())
    await pause(1)
  }
}

/** At least `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Stops the clock that the engine and the memory of pages go by, until the test is over → what moves it. */
export function stopClock(t: TestContext): (ms: number) => void {
  let now = performance.now()
  t.mock.method(performance, 'now', () => now)
  return ms => {
    now += ms
  }
}
