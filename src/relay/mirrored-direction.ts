/**
 * One direction of a connection of which a mirror gets a duplicate, by tee(2): no byte passes through this process.
 *
 * The ends are duplicates of the descriptors: what is still on its way to the mirror may go on when the connection's are
 * closed, and transfers tell descriptors apart by their numbers, which another connection may have by then.
 *
 * Where descriptors are short, a mirror that may be dropped is, and the bytes are passed on without it.
 */
import { constants } from 'node:os'
import { SluiceError, systemError } from '../base/errors.js'
import { type FileSink, socket } from '../transfer/ends/endpoints.js'
import { transferToSeveral } from '../transfer/jobs/several.js'
import type { Direction, DirectionDone, DirectionEnds } from './direction.js'
import { Passage, type PassageHost } from './passage.js'
import { hasLeft } from './socket-ends.js'

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
  ended = false
  #spliced = 0
  #copied = 0
  #moved = false
  readonly #host: PassageHost
  readonly #ends: DirectionEnds
  readonly #mirror: Mirror
  readonly #done: DirectionDone
  readonly #abort = new AbortController()
  #run: Promise<void> | null = null
  /** What passes bytes on where there were no descriptors for the mirror, which may be dropped. */
  #plain: Passage | null = null

  constructor(host: PassageHost, ends: DirectionEnds, mirror: Mirror, done: DirectionDone) {
    this.#host = host
    this.#ends = ends
    this.#mirror = mirror
    this.#done = done
  }

  get spliced(): number {
    return this.#plain?.spliced ?? this.#spliced
  }

  get copied(): number {
    return this.#plain?.copied ?? this.#copied
  }

  get moved(): boolean {
    return this.#plain?.moved ?? this.#moved
  }

  set moved(moved: boolean) {
    if (this.#plain === null) this.#moved = moved
    else this.#plain.moved = moved
  }

  begin(): void {
    this.#run = this.#pass()
  }

  /** What the mirror has still to get once the direction is through goes on by itself, and not for long. */
  async stop(): Promise<void> {
    if (this.ended) return
    this.ended = true
    this.#abort.abort()
    this.#plain?.stop()
    await this.#run
  }

  async #pass(): Promise<void> {
    const { native } = this.#host
    const { sink: mirror, slow } = this.#mirror
    let mirrored: MirrorEnd = { bytes: 0, why: 'the connection was over' }
    let errno = 0
    let lacking = ''
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
            this.#moved = true
            this.#spliced = bytes
          },
        },
      )
      const [, second] = result.sinks
      mirrored = { bytes: second!.bytes, why: second!.dropped ? (second!.why ?? 'it was too slow') : '' }
      this.#spliced = result.path === 'copy' ? 0 : result.bytes
      this.#copied = result.path === 'copy' ? result.bytes : 0
    } catch (error) {
      const isLacking = error instanceof SluiceError && error.code === 'ERR_SLUICE_DESCRIPTORS'
      // That is found before anything is taken from the source.
      if (isLacking && slow === 'drop') lacking = error.message
      else errno = (error instanceof SluiceError ? error.errno : undefined) ?? -constants.errno.EIO
    } finally {
      for (const fd of [source, sink]) if (fd >= 0) native.close(fd)
    }
    this.#mirror.onEnd(lacking === '' ? mirrored : { bytes: 0, why: lacking })
    if (lacking !== '') return this.#passPlainly()
    // Which end it was that failed: the one that is gone says so to whoever asks. Once it has ended, the number of the
    // descriptor may be another connection's.
    if (!this.ended) this.#end(errno, errno !== 0 && hasLeft(native, this.#ends.source))
  }

  #passPlainly(): void {
    if (this.ended) return
    const ends = { ...this.#ends, tries: true }
    this.#plain = new Passage(this.#host, ends, (errno, atSource) => this.#end(errno, atSource))
    this.#plain.begin()
  }

  #end(errno: number, atSource: boolean): void {
    if (this.ended) return
    this.ended = true
    this.#done(errno, atSource)
  }
}
