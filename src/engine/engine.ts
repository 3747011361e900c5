/** What every engine satisfies: it steps flows when the descriptors that they wait for are ready. */
import type { Flow } from './flow.js'

export const engineNames = ['poll', 'ring'] as const

/** `poll`: epoll(7). `ring`: io_uring(7). */
export type EngineName = (typeof engineNames)[number]

export interface Engine {
  readonly name: EngineName
  /** Watches of descriptors that flows wait for, or have waited for and may again. While there are any the process lives. */
  readonly watching: number
  /** Steps a flow, new or parked: at once where this turn has time left, else in the next one. */
  resume(flow: Flow): void
  /** Ends the flow's watches; of a descriptor that is closed the number may be another file's by now. */
  forget(flow: Flow, sinkOpen?: boolean, sourceOpen?: boolean): void
  /** Lets go of everything. What still waits is stepped no more. */
  close(): Promise<void>
}
