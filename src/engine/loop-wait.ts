/** Hot: Node's loop watches the sets, and calls when one has events. */
import { systemError } from '../base/errors.js'
import type { Native, WakeHandle } from '../native/calls.js'
import type { Waiting } from './waiting.js'
import type { WatchSet } from './watch-set.js'

export class LoopWait implements Waiting {
  readonly #native: Native
  readonly #wakes: WakeHandle[] = []

  /**
   * `onReady` comes after the events of a set were taken. The sets are this object's to close, also where it throws.
   *
   * @throws ERR_SLUICE_MEMORY
   */
  constructor(native: Native, sets: readonly WatchSet[], onReady: () => void) {
    this.#native = native
    for (const [index, set] of sets.entries()) {
      const wake = native.wakeOpen(set.epoll, () => {
        set.take()
        onReady()
      })
      if (typeof wake === 'number') {
        this.close()
        for (const { epoll } of sets.slice(index)) native.close(epoll)
        throw systemError(wake, 'uv_poll_init', 'Opening the poll engine')
      }
      this.#wakes.push(wake)
    }
  }

  keepAlive(on: boolean): void {
    this.#native.wakeKeepAlive(this.#wakes[0]!, on ? 1 : 0)
  }

  close(): void {
    for (const wake of this.#wakes) this.#native.wakeClose(wake)
  }
}
