/**
 * Hot: steps flows when their descriptors are ready.
 *
 * Epoll sets hold the descriptors that flows wait for. Node may watch the same sockets for its own reading: a socket can
 * be in several sets, so nothing is duplicated.
 */
import type { Native } from '../native/calls.js'
import { EngineWait } from './engine-wait.js'
import type { Flow } from './flow.js'
import { LoopWait } from './loop-wait.js'
import { TurnEngine } from './turn-engine.js'
import type { Wait, Waiting } from './waiting.js'
import { WatchSet } from './watch-set.js'

export class PollEngine extends TurnEngine {
  readonly name = 'poll'
  readonly #sinks: WatchSet
  readonly #sources: WatchSet
  readonly #waiting: Waiting
  /** Whether there is a watch, which keeps the process. */
  #isAlive = false

  /** @throws ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_MEMORY; ERR_SLUICE_SYSCALL where the engine cannot wait itself */
  constructor(native: Native, wait: Wait = 'loop') {
    super()
    const onReady = (flow: Flow): void => this.enqueue(flow)
    this.#sinks = new WatchSet(native, native.EPOLLOUT, onReady)
    try {
      this.#sources = new WatchSet(native, native.EPOLLIN | native.EPOLLRDHUP, onReady)
    } catch (error) {
      native.close(this.#sinks.epoll)
      throw error
    }
    const onAllReady = (): boolean => this.wake()
    this.#waiting =
      wait === 'loop'
        ? new LoopWait(native, [this.#sources, this.#sinks], onAllReady)
        : new EngineWait(native, [this.#sources, this.#sinks], onAllReady)
  }

  get watching(): number {
    return this.#sinks.size + this.#sources.size
  }

  forget(flow: Flow, sinkOpen = true, sourceOpen = true): void {
    this.#sinks.remove(flow, flow.fd, sinkOpen)
    if (flow.sourceFd !== undefined) this.#sources.remove(flow, flow.sourceFd, sourceOpen)
    if (this.#isAlive) this.#keepAlive()
  }

  protected watch(flow: Flow, source: boolean): boolean {
    const watched = source ? this.#sources.add(flow, flow.sourceFd!) : this.#sinks.add(flow, flow.fd)
    if (!this.#isAlive) this.#keepAlive()
    return watched
  }

  protected settle(): void {}

  /** Not from within a call of what waits. */
  protected async letGo(): Promise<void> {
    for (const set of [this.#sinks, this.#sources]) set.clear()
    this.#keepAlive()
    await new Promise(setImmediate)
    this.#waiting.close()
  }

  #keepAlive(): void {
    const isAlive = this.watching > 0
    if (isAlive === this.#isAlive) return
    this.#isAlive = isAlive
    this.#waiting.keepAlive(isAlive)
  }
}
