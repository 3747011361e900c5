/**
 * Hot: from a backlog to one of several sinks. A branch runs by itself, so that a slow sink holds up no other; what is
 * to become of a sink that is slow, or fails, is for the tee to say (tee.ts).
 */
import { constants } from 'node:os'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_PARK, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import { streamError } from '../stream-error.js'
import { isRefusal } from './path-refused.js'
import type { Backlog } from './tee-backlog.js'

export interface Branch {
  readonly path: 'tee' | 'copy'
  /** Bytes that the sink took. */
  readonly sentBytes: number
  /** Those of them that passed through this process's memory. */
  readonly copiedBytes: number
  /** Something of it is on its way to the sink, besides what is in the backlog. */
  readonly busy: boolean
  /** The backlog has bytes. */
  wake(): void
  /** Hands over what the sink takes at once, where that can be done without waiting. */
  drain(): void
  /** Ends it. Resolves when nothing uses the sink and the backlog any more. */
  end(): Promise<void>
}

/** What a branch says, each as often as it happens, and nothing once it was ended. */
export interface BranchEvents {
  /** The sink took bytes, or the backlog has more room. */
  moved(): void
  /** The sink cannot be sent to in this way; the backlog has all that was in it. */
  refused(errno: number): void
  failed(error: unknown): void
}

/** What one step moves at most; see the same in file-flow.ts. */
const stepBytes = 1 * MiB

const { EAGAIN, EINTR } = constants.errno

/** To a socket or a pipe by splice(2): references to the pages, which no byte leaves. */
export class SpliceBranch implements Branch, Flow {
  readonly path = 'tee'
  readonly copiedBytes = 0
  readonly busy = false
  readonly fd: number
  queued = false
  sentBytes = 0
  readonly #native: Native
  readonly #engine: Engine
  readonly #hold: SocketHold
  readonly #backlog: Backlog
  readonly #events: BranchEvents
  /** It waits for bytes, not for the sink. */
  #idle = true
  #ended = false

  constructor(native: Native, engine: Engine, hold: SocketHold, backlog: Backlog, events: BranchEvents) {
    this.fd = hold.fd
    this.#native = native
    this.#engine = engine
    this.#hold = hold
    this.#backlog = backlog
    this.#events = events
    hold.onClose(() => {
      if (!this.#ended) this.#fail(hold.whyClosed())
    })
  }

  wake(): void {
    if (this.#idle) this.#engine.resume(this)
  }

  drain(): void {
    // What it has left over is for the engine, which does not know of this step.
    if (this.step() !== STEP_DONE) this.#engine.resume(this)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    if (!this.#hold.open || this.#hold.ended) return this.#fail(this.#hold.whyClosed())
    this.#idle = false
    const before = this.sentBytes
    const result = this.#send(before + stepBytes)
    this.#idle = result === 0 && this.#backlog.bytes === 0
    if (this.sentBytes > before) {
      this.#hold.touch()
      this.#events.moved()
    }
    if (this.#ended) return STEP_DONE
    if (result === -EAGAIN) return STEP_WAIT
    if (result < 0) return this.#notSent(result)
    return this.#idle ? STEP_PARK : STEP_MORE
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#engine.forget(this, this.#hold.open)
  }

  /** → 0 where all of it went, or as much as one step may send. */
  #send(stopAt: number): number {
    const backlog = this.#backlog
    const { SPLICE_F_NONBLOCK } = this.#native
    while (backlog.bytes > 0 && this.sentBytes < stopAt) {
      const { readFd } = backlog.first
      const sent = this.#native.splice(readFd, null, this.fd, null, backlog.firstBytes, SPLICE_F_NONBLOCK)
      if (sent > 0) {
        backlog.took(sent)
        this.sentBytes += sent
      } else if (sent !== -EINTR) {
        return sent
      }
    }
    return 0
  }

  #notSent(result: number): typeof STEP_DONE {
    if (this.sentBytes > 0 || !isRefusal(result))
      return this.#fail(streamError(result, 'splice', 'Sending to one of several sinks'))
    this.end()
    this.#events.refused(result)
    return STEP_DONE
  }

  #fail(error: unknown): typeof STEP_DONE {
    this.end()
    this.#events.failed(error)
    return STEP_DONE
  }
}
