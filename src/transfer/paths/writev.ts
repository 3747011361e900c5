/**
 * Hot: memory to a socket or pipe by scatter-gather: sendmsg(2) to sockets, writev(2) to all else. The kernel copies
 * the bytes into its own buffers, as many messages a call as there are, so that the memory is free at once.
 */
import { constants } from 'node:os'
import { errnoName, systemError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import { goneError, type MemoryPieces } from '../memory-pieces.js'
import { isRefusal, PathRefused } from './path-refused.js'
import type { ReferenceEnds } from './reference-ends.js'

/** What one step sends at most: about 0.2 ms. */
const stepBytes = 1 * MiB
/** linux/uio.h, UIO_MAXIOV: what one call takes. */
const viewsMax = 1024

const { EAGAIN, EBADF, EFAULT, EINTR, ENOBUFS, ENOMEM, ENOTSOCK } = constants.errno

export class WritevFlow implements Flow {
  readonly fd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #hold: SocketHold
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  readonly #ends: ReferenceEnds
  /** What is to be sent; the first `#next` are, and of the one after them `#skip` bytes. */
  readonly #views: Uint8Array[] = []
  #next = 0
  #skip = 0
  /** What one call gets. */
  readonly #gathered: Uint8Array[] = []
  #bytes = 0
  #sent = 0
  /** Whether the descriptor is known to be no socket. */
  #isNoSocket = false
  #ended = false

  constructor(
    native: Native,
    engine: Engine,
    hold: SocketHold,
    pieces: Pick<MemoryPieces, 'views'>,
    onProgress: ((sentBytes: number) => void) | undefined,
    ends: ReferenceEnds,
  ) {
    this.fd = hold.fd
    this.#native = native
    this.#engine = engine
    this.#hold = hold
    this.#onProgress = onProgress
    this.#ends = ends
    for (const view of pieces.views) this.append(view)
  }

  /** Sends these bytes after those that were given before; only while the flow has not ended. */
  append(view: Uint8Array): void {
    // An empty one would not be told from one whose bytes are gone.
    if (view.length === 0) return
    this.#views.push(view)
    this.#bytes += view.length
  }

  /** Sends what goes at once; where that is all, it has ended when this returns. */
  begin(): void {
    this.#engine.resume(this)
    if (!this.#ended) this.#hold.onClose(() => this.interrupt(this.#hold.whyClosed()))
  }

  /** Ends the flow from outside, at once. */
  interrupt(error: unknown): void {
    if (!this.#ended) this.#finish(error)
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    const hold = this.#hold
    if (!hold.open || hold.ended) return this.#finish(hold.whyClosed())
    if (this.#sent === this.#bytes) return this.#finish(null)
    if (!this.#gather()) return this.#finish(goneError())
    const sent = this.#send()
    if (sent <= 0) return this.#notSent(sent)
    this.#advance(sent)
    hold.touch()
    if (this.#onProgress !== undefined) this.#report(this.#onProgress)
    return this.#sent === this.#bytes ? this.#finish(null) : STEP_MORE
  }

  /** → false where bytes that were to be sent are there no more. */
  #gather(): boolean {
    const views = this.#views
    const gathered = this.#gathered
    const last = Math.min(views.length, this.#next + viewsMax)
    let room = stepBytes
    let count = 0
    for (let index = this.#next; index < last && room > 0; index++) {
      const view = views[index]!
      if (view.length === 0) return false
      const from = count === 0 ? this.#skip : 0
      const left = view.length - from
      const taken = Math.min(left, room)
      gathered[count++] = taken === view.length ? view : view.subarray(from, from + taken)
      room -= taken
    }
    gathered.length = count
    return count > 0
  }

  #send(): number {
    if (!this.#isNoSocket) {
      const sent = this.#native.sendViews(this.fd, this.#gathered, this.#native.MSG_DONTWAIT)
      if (sent !== -ENOTSOCK) return sent
      this.#isNoSocket = true
    }
    return this.#native.writev(this.fd, this.#gathered)
  }

  #advance(sent: number): void {
    this.#sent += sent
    let left = this.#skip + sent
    const views = this.#views
    while (this.#next < views.length && left >= views[this.#next]!.length) left -= views[this.#next++]!.length
    this.#skip = left
    if (this.#next < views.length && this.#next < viewsMax) return
    views.splice(0, this.#next)
    this.#next = 0
  }

  #notSent(result: number): Step {
    if (result === 0 || result === -EAGAIN) return STEP_WAIT
    if (result === -EINTR) return STEP_MORE
    const syscall = this.#isNoSocket ? 'writev' : 'sendmsg'
    if (this.#sent === 0 && isRefusal(result)) {
      return this.#finish(new PathRefused(`${syscall} is refused here (${errnoName(result)})`))
    }
    const remedy = remedies[result]
    return this.#finish(
      systemError(result, syscall, 'Sending memory', remedy === undefined ? {} : { remedy }),
    )
  }

  #report(onProgress: (sentBytes: number) => void): void {
    try {
      onProgress(this.#sent)
    } catch (error) {
      this.#finish(error)
    }
  }

  #finish(error: unknown): typeof STEP_DONE {
    if (this.#ended) return STEP_DONE
    this.#ended = true
    this.#engine.forget(this, this.#hold.open)
    this.#ends.sent(error, this.#sent)
    this.#ends.released(this.#sent)
    return STEP_DONE
  }
}

const outOfBuffers =
  'Send less at a time, or raise the memory of sockets (sysctl net.core.wmem_max, net.ipv4.tcp_mem).'

const remedies: Record<number, string> = {
  [-EBADF]: 'Open the sink for writing.',
  [-EFAULT]: 'The bytes are not there any more; keep them until the transfer has settled.',
  [-ENOBUFS]: outOfBuffers,
  [-ENOMEM]: outOfBuffers,
}
