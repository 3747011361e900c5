/**
 * Hot: steps flows when their descriptors are ready.
 *
 * Epoll sets hold the descriptors that flows wait for, and Node's loop watches those sets. Node may watch the same
 * sockets for its own reading: a socket can be in several sets, so nothing is duplicated.
 */
import type { Native } from '../native/calls.js'
import type { Flow } from './flow.js'
import { TurnEngine } from './turn-engine.js'
import { WatchSet } from './watch-set.js'

export class PollEngine extends TurnEngine {
  readonly name = 'poll'
  readonly #sinks: WatchSet
  readonly #sources: WatchSet

  /** @throws ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_MEMORY */
  constructor(native: Native) {
    super()
    const onReady = (flow: Flow): void => this.enqueue(flow)
    const onAllReady = (): void => this.wake()
    this.#sinks = new WatchSet(native, native.EPOLLOUT, onReady, onAllReady)
    try {
      this.#sources = new WatchSet(native, native.EPOLLIN | native.EPOLLRDHUP, onReady, onAllReady)
    } catch (error) {
      this.#sinks.close()
      throw error
    }
  }

  get watching(): number {
    return this.#sinks.size + this.#sources.size
  }

  forget(flow: Flow, sinkOpen = true, sourceOpen = true): void {
    this.#sinks.remove(flow, sinkOpen ? flow.fd : -1)
    this.#sources.remove(flow, sourceOpen ? (flow.sourceFd ?? -1) : -1)
  }

  protected watch(flow: Flow, source: boolean): boolean {
    return source ? this.#sources.add(flow, flow.sourceFd!) : this.#sinks.add(flow, flow.fd)
  }

  protected settle(): void {}

  /** Not from within a watch's own callback. */
  protected async letGo(): Promise<void> {
    await new Promise(setImmediate)
    this.#sinks.close()
    this.#sources.close()
  }
}
