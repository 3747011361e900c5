/** Hot: one of several sinks as the tee sees it: what it has got, and whether it still gets anything. */
import { Stall } from './stall.js'
import type { Backlog } from './tee-backlog.js'
import type { Branch } from './tee-branch.js'

/** `wait`: the slowest sink sets the pace. `drop`: the first does, and others that cannot keep up are left behind. */
export const slowSinksPolicies = ['wait', 'drop'] as const
export type SlowSinks = (typeof slowSinksPolicies)[number]

export class Lane {
  readonly backlog: Backlog
  /** Bytes at the trunk's head that this sink has already. */
  ahead = 0
  readonly stall = new Stall()
  /** Why it gets no more; empty while it does. */
  why = ''
  #branch: Branch | null = null
  #over: Promise<void> | null = null
  readonly #onOver: () => void

  /** `onOver` is called once, when nothing uses the sink any more. */
  constructor(backlog: Backlog, onOver: () => void) {
    this.backlog = backlog
    this.#onOver = onOver
  }

  get dropped(): boolean {
    return this.why !== ''
  }

  get path(): 'tee' | 'copy' {
    return this.#branch?.path ?? 'tee'
  }

  get sentBytes(): number {
    return this.#branch?.sentBytes ?? 0
  }

  get copiedBytes(): number {
    return this.#branch?.copiedBytes ?? 0
  }

  /** Whether the sink is there and has all that it was given. */
  get quiet(): boolean {
    return this.#branch !== null && this.backlog.bytes === 0 && !this.#branch.busy
  }

  /** Its sink can be used from now on. Not after it has ended. */
  attach(branch: Branch): void {
    this.#branch = branch
    if (this.backlog.bytes > 0) branch.wake()
  }

  /** Whether it takes no sink any more. */
  get over(): boolean {
    return this.#over !== null
  }

  wake(): void {
    this.#branch?.wake()
  }

  drain(): void {
    this.#branch?.drain()
  }

  /** It gets no more, and the others go on. */
  drop(why: string): void {
    this.why = why
    this.end()
  }

  /** Resolves when nothing uses its sink and its pipes any more. */
  end(): Promise<void> {
    this.#over ??= this.#end()
    return this.#over
  }

  async #end(): Promise<void> {
    await this.#branch?.end()
    this.backlog.close()
    this.#onOver()
  }
}
