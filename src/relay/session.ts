/**
 * One connection through the proxy, from when both ends are connected: a passage each way. The end of one direction is
 * passed on as an end (shutdown(2)), a reset as a reset, and both descriptors are closed when nothing uses them.
 */
import { constants } from 'node:os'
import type { Ending } from './connection-end.js'
import type { Direction, DirectionDone, DirectionEnds } from './direction.js'
import { type Mirror, MirroredDirection } from './mirrored-direction.js'
import { Passage, type PassageHost } from './passage.js'
import { peerOf } from './socket-ends.js'

export interface SessionEnds {
  readonly client: number
  readonly upstream: number
  /** Whether they are TCP sockets. */
  readonly clientIsTcp: boolean
  readonly upstreamIsTcp: boolean
  /** What gets a duplicate of the client's bytes, and of the upstream's; null where nothing does. */
  readonly mirrors: { readonly toUpstream: Mirror | null; readonly toClient: Mirror | null }
}

/** Told once, when nothing uses the descriptors any more. */
export type SessionDone = (session: Session, ending: Ending) => void

const { ECONNRESET, ENOTCONN, EPIPE, ETIMEDOUT } = constants.errno
/** SO_LINGER with no time: what is not sent is dropped, and close(2) resets; socket(7). */
const lingerZero = new Uint8Array(new Int32Array([1, 0]).buffer)

export class Session {
  readonly toUpstream: Direction
  readonly toClient: Direction
  /** By the clock that nobody sets: `performance.now()`. */
  readonly beganMs: number
  /** When something moved last. */
  lastMs: number
  /** Whether one direction has ended. */
  halfClosed = false
  readonly #host: PassageHost
  readonly #ends: SessionEnds
  readonly #done: SessionDone
  #over = false

  constructor(host: PassageHost, ends: SessionEnds, nowMs: number, done: SessionDone) {
    this.#host = host
    this.#ends = ends
    this.#done = done
    this.beganMs = nowMs
    this.lastMs = nowMs
    const { client, upstream } = ends
    this.toUpstream = this.#direction(
      { source: client, sink: upstream, isTcp: ends.clientIsTcp, tries: true },
      ends.mirrors.toUpstream,
      (errno, atSource) => this.#onEnd(upstream, errno, atSource === true),
    )
    this.toClient = this.#direction(
      { source: upstream, sink: client, isTcp: ends.upstreamIsTcp, tries: false },
      ends.mirrors.toClient,
      (errno, atSource) => this.#onEnd(client, errno, atSource === false),
    )
  }

  begin(): void {
    this.toUpstream.begin()
    if (!this.#over) this.toClient.begin()
  }

  /** Whether something moved since this was asked last. */
  takeMoved(): boolean {
    const moved = this.toUpstream.moved || this.toClient.moved
    this.toUpstream.moved = false
    this.toClient.moved = false
    return moved
  }

  /** Ends both directions at once; both peers are reset, as neither has got everything. */
  cut(ending: Ending): void {
    this.#close(ending, true)
  }

  /** `clientFailed`: at which end it was, where there is an error. */
  #onEnd(sink: number, errno: number, clientFailed: boolean): void {
    if (this.#over) return
    if (errno !== 0) return this.#close(endingOf(errno, clientFailed), true)
    const { native } = this.#host
    if (this.#isMirrored && this.#wasReset(sink))
      return this.#close(resetOf(sink === this.#ends.upstream), true)
    if (this.toUpstream.ended && this.toClient.ended) {
      // A mirrored direction may still have a duplicate, and then closing would not say so.
      if (this.#isMirrored) native.shutdown(sink, native.SHUT_WR)
      return this.#close('ended', false)
    }
    const result = native.shutdown(sink, native.SHUT_WR)
    this.halfClosed = true
    // It was reset meanwhile, which the other direction has not heard of yet; an end leaves it connected.
    if (result < 0) this.#close(result === -ENOTCONN ? resetOf(sink === this.#ends.client) : 'error', true)
  }

  get #isMirrored(): boolean {
    const { toUpstream, toClient } = this.#ends.mirrors
    return toUpstream !== null || toClient !== null
  }

  /**
   * Whether what looks like the end of a source was a reset: the kernel says it once, and said it to the direction that
   * sends there. One that is mirrored tells of it later than now.
   */
  #wasReset(sink: number): boolean {
    const { client, upstream } = this.#ends
    const [source, sends] = sink === client ? [upstream, this.toUpstream] : [client, this.toClient]
    return !sends.ended && peerOf(this.#host.native, source) === null
  }

  #direction(ends: DirectionEnds, mirror: Mirror | null, done: DirectionDone): Direction {
    if (mirror === null) return new Passage(this.#host, ends, done)
    return new MirroredDirection(this.#host, ends, mirror, done, () => this.#close('mirror failed', true))
  }

  #close(ending: Ending, reset: boolean): void {
    if (this.#over) return
    this.#over = true
    this.toUpstream.stop()
    this.toClient.stop()
    const { native } = this.#host
    const { client, upstream } = this.#ends
    for (const fd of [client, upstream]) {
      if (reset) {
        native.setsockoptBytes(fd, native.SOL_SOCKET, native.SO_LINGER, lingerZero)
        // Where a mirrored direction has a duplicate, closing would not be the end.
        native.disconnect(fd)
      }
      native.close(fd)
    }
    this.#done(this, ending)
  }
}

function endingOf(errno: number, atClient: boolean): Ending {
  if (errno !== -ECONNRESET && errno !== -EPIPE && errno !== -ETIMEDOUT) return 'error'
  return resetOf(atClient)
}

function resetOf(atClient: boolean): Ending {
  return atClient ? 'client reset' : 'upstream reset'
}
