/**
 * Hot: waits in the place of Node's loop, for a thread that does little but move bytes: an event wakes one epoll set
 * instead of two, and the loop is left alone as long as it has nothing to do. `native/idle.c` says how.
 *
 * What it costs: Node counts the waiting as work, so `performance.eventLoopUtilization()` says 1.
 */
import { systemError } from '../base/errors.js'
import type { IdleHandle, Native } from '../native/calls.js'
import { closerOf } from '../native/own.js'
import type { Waiting } from './waiting.js'
import { eventRoom, hasEvent, type WatchSet } from './watch-set.js'

export class EngineWait implements Waiting {
  readonly #native: Native
  readonly #first: WatchSet
  readonly #second: WatchSet
  readonly #idle: IdleHandle
  readonly #onReady: () => boolean
  readonly #events = eventRoom()
  readonly #loop: number
  readonly #closeSets: () => void

  /**
   * Waits on the first set, in which the second is an item, as is the loop. `onReady` comes after events were taken, and
   * says whether nothing that it ran has left anything to the loop but timers. The sets are this object's to close, also
   * where it throws.
   *
   * @throws ERR_SLUICE_SYSCALL before Node 20.3; ERR_SLUICE_MEMORY
   */
  constructor(native: Native, [first, second]: readonly [WatchSet, WatchSet], onReady: () => boolean) {
    this.#native = native
    this.#first = first
    this.#second = second
    this.#onReady = onReady
    this.#loop = native.loopDescriptor()
    const closers = [first, second].map(({ epoll }) => closerOf(native, epoll))
    this.#closeSets = () => {
      for (const close of closers) close()
    }
    const idle = native.idleOpen(this.#onIdle)
    const error =
      typeof idle === 'number' ? idle : first.addReadable(second.epoll) || first.addReadable(this.#loop)
    this.#idle = idle as IdleHandle
    if (error === 0) return
    if (typeof idle !== 'number') native.idleClose(idle)
    this.#closeSets()
    const call = typeof idle === 'number' ? 'uv_metrics_info' : 'epoll_ctl'
    throw systemError(error, call, 'Waiting in the place of Node’s loop')
  }

  keepAlive(on: boolean): void {
    this.#native.idleKeepAlive(this.#idle, on ? 1 : 0)
  }

  close(): void {
    this.#native.idleClose(this.#idle)
    this.#closeSets()
  }

  readonly #onIdle = (): void => {
    const events = this.#events
    let loopReady = false
    let again = true
    while (again && !loopReady) {
      const count = this.#native.idleWait(this.#idle, this.#first.epoll, events)
      if (count <= 0) return
      if (!this.#first.note(events, count)) {
        if (hasEvent(events, count, this.#second.epoll)) this.#second.take()
        loopReady = hasEvent(events, count, this.#loop)
      }
      again = this.#onReady()
    }
  }
}
