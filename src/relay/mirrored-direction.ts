/**
 * One direction of a connection of which a mirror gets a duplicate, by tee(2): no byte passes through this process.
 *
 * The ends are duplicates of the descriptors: what is still on its way to the mirror may go on when the connection's are
 * closed, and transfers tell descriptors apart by their numbers, which another connection may have by then.
 */
import { constants } from 'node:os'
import { SluiceError, systemError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { type FileSink, socket } from '../transfer/ends/endpoints.js'
import { transferToSeveral } from '../transfer/jobs/several.js'
import type { Direction, DirectionDone, DirectionEnds } from './direction.js'

/** What the mirror of a direction has got. */
export interface MirrorEnd {
  readonly bytes: number
  /** Why it was given up; empty where it was not. */
  readonly why: string
}

export interface Mirror {
  readonly sink: number | FileSink
  readonly slow: 'wait' | 'drop'
  /** Called once, when nothing uses the sink any more. */
  onEnd(end: MirrorEnd): void
}

export class MirroredDirection implements Direction {
  spliced = 0
  copied = 0
  moved = false
  ended = false
  readonly #native: Native
  readonly #ends: DirectionEnds
  readonly #mirror: Mirror
  readonly #done: DirectionDone
  readonly #abort = new AbortController()
  #run: Promise<void> | null = null

  constructor(native: Native, ends: DirectionEnds, mirror: Mirror, done: DirectionDone) {
    this.#native = native
    this.#ends = ends
    this.#mirror = mirror
    this.#done = done
  }

  begin(): void {
    this.#run = this.#pass()
  }

  /** What the mirror has still to get once the direction is through goes on by itself, and not for long. */
  async stop(): Promise<void> {
    if (this.ended) return
    this.ended = true
    this.#abort.abort()
    await this.#run
  }

  async #pass(): Promise<void> {
    const native = this.#native
    const { sink: mirror, slow } = this.#mirror
    let mirrored: MirrorEnd = { bytes: 0, why: 'the connection was over' }
    let errno = 0
    const source = native.dup(this.#ends.source)
    const sink = native.dup(this.#ends.sink)
    try {
      if (source < 0 || sink < 0)
        throw systemError(Math.min(source, sink), 'fcntl(F_DUPFD_CLOEXEC)', 'Mirroring a connection')
      const result = await transferToSeveral(
        socket(source),
        [socket(sink), typeof mirror === 'number' ? socket(mirror) : mirror],
        {
          slowSinks: slow,
          signal: this.#abort.signal,
          // With 'wait' the direction is as slow as its mirror, to the end: the limits of time are the connection's.
          onFirstDone: slow === 'drop' ? () => this.#end(0, false) : undefined,
          onProgress: bytes => {
            this.moved = true
            this.spliced = bytes
          },
        },
      )
      const [, second] = result.sinks
      mirrored = { bytes: second!.bytes, why: second!.dropped ? (second!.why ?? 'it was too slow') : '' }
      this.spliced = result.path === 'copy' ? 0 : result.bytes
      this.copied = result.path === 'copy' ? result.bytes : 0
    } catch (error) {
      errno = (error instanceof SluiceError ? error.errno : undefined) ?? -constants.errno.EIO
    } finally {
      for (const fd of [source, sink]) if (fd >= 0) native.close(fd)
    }
    this.#mirror.onEnd(mirrored)
    // Once it has ended, the number of the descriptor may be another connection's.
    if (!this.ended) this.#end(errno, errno !== 0 && this.#sourceHasGone())
  }

  #end(errno: number, atSource: boolean): void {
    if (this.ended) return
    this.ended = true
    this.#done(errno, atSource)
  }

  /** Which end it was that failed: the one that is gone says so to whoever asks. */
  #sourceHasGone(): boolean {
    const { MSG_PEEK, MSG_DONTWAIT } = this.#native
    const length = this.#native.recv(this.#ends.source, new Uint8Array(1), MSG_PEEK | MSG_DONTWAIT)
    return length === 0 || (length < 0 && length !== -constants.errno.EAGAIN)
  }
}
