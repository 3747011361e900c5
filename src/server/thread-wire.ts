/** A wire as the thread sees it that runs on it. */
import type { Host } from './host.js'
import type { Wire } from './wire.js'

export interface ThreadWire extends Wire {
  /** Node's loop has something to do: nothing is told of it again until `watchLoop`. */
  readonly loopReady: boolean
  /** Listens from now on. */
  begin(host: Host): void
  /** No more connections are accepted. */
  stopAccepting(): void
  /** Waits until something has happened, for at most so many milliseconds; not at all where there is more to do. */
  wait(ms: number): void
  /** Tells the connections what has happened, then those that had more to do than one turn. */
  react(): void
  /** Node's loop had its turn. */
  watchLoop(): void
  /** There are no connections any more. */
  end(): Promise<void>
}
