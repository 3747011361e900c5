/**
 * One direction of a connection of which a mirror gets a duplicate, by tee(2): no byte passes through this process.
 *
 * The ends are duplicates of the descriptors: what is still on its way to the mirror may go on when the connection's are
 * closed, and transfers tell descriptors apart by their numbers, which another connection may have by then.
 *
 * Where descriptors are short, a mirror that may be dropped is, and the bytes are passed on without it; one that is waited
 * for gets them copied, as it does where the kernel refuses tee.
 */
import { constants } from 'node:os'
import { SluiceError } from '../base/errors.js'
import { type FileSink, socket } from '../transfer/ends/endpoints.js'
import { deliverToSeveral } from '../transfer/jobs/several.js'
import type { Delivery } from '../transfer/jobs/several-types.js'
import { PathRefused } from '../transfer/paths/path-refused.js'
import { CopiedDirection, type CopiedEnd } from './copied-direction.js'
import type { Direction, DirectionDone, DirectionEnds } from './direction.js'
import type { MirrorWriter } from './mirror-writer.js'
import { Passage, type PassageHost } from './passage.js'

/** What the mirror of a direction has got. */
export interface MirrorEnd {
  readonly bytes: number
  /** Why it was given up, or failed; empty where neither is so. */
  readonly why: string
}

export interface Mirror {
  readonly sink: number | FileSink
  readonly slow: 'wait' | 'drop'
  /** Copies to what is waited for. */
  writer(): MirrorWriter
  /** Called once, when nothing uses the sink any more. */
  onEnd(end: MirrorEnd): void
}

/** Of a transfer that did not even begin. */
const noneDelivered: Delivery['result'] = { bytes: 0, path: 'tee', why: '', copied: 0, ms: 0, sinks: [] }

/** Told once, in place of `DirectionDone`: the mirror that is waited for has failed. */
export type MirrorFailed = () => void

export class MirroredDirection implements Direction {
  ended = false
  #spliced = 0
  #copied = 0
  #moved = false
  readonly #host: PassageHost
  readonly #ends: DirectionEnds
  readonly #mirror: Mirror
  readonly #done: DirectionDone
  readonly #mirrorFailed: MirrorFailed
  readonly #abort = new AbortController()
  #run: Promise<void> | null = null
  /** What passes bytes on where they cannot be duplicated. */
  #other: Direction | null = null

  constructor(
    host: PassageHost,
    ends: DirectionEnds,
    mirror: Mirror,
    done: DirectionDone,
    mirrorFailed: MirrorFailed,
  ) {
    this.#host = host
    this.#ends = ends
    this.#mirror = mirror
    this.#done = done
    this.#mirrorFailed = mirrorFailed
  }

  get spliced(): number {
    return this.#other?.spliced ?? this.#spliced
  }

  get copied(): number {
    return this.#other?.copied ?? this.#copied
  }

  get moved(): boolean {
    return this.#other?.moved ?? this.#moved
  }

  set moved(moved: boolean) {
    if (this.#other === null) this.#moved = moved
    else this.#other.moved = moved
  }

  begin(): void {
    this.#run = this.#pass()
  }

  /** What the mirror has still to get once the direction is through goes on by itself, and not for long. */
  async stop(): Promise<void> {
    if (this.ended) return
    this.ended = true
    this.#abort.abort()
    this.#other?.stop()
    await this.#run
  }

  async #pass(): Promise<void> {
    const delivery = await this.#duplicate()
    if (delivery instanceof Error)
      return this.#mirror.slow === 'wait' ? await this.#copy() : this.#passPlainly(delivery.message)
    const { error, failedSink, result } = delivery
    const mirrored = result.sinks[1]
    this.#spliced = result.path === 'copy' ? 0 : result.bytes
    this.#copied = result.path === 'copy' ? result.bytes : 0
    const why =
      failedSink === 1 ? String(error) : mirrored?.dropped ? (mirrored.why ?? 'it was too slow') : ''
    this.#mirror.onEnd({ bytes: mirrored?.bytes ?? 0, why })
    if (failedSink === 1) this.#failMirror()
    else this.#end(error === null ? 0 : errnoOf(error), failedSink === -1)
  }

  /** An error where that is not possible, and nothing was taken from the source. */
  async #duplicate(): Promise<Delivery | Error> {
    const { native } = this.#host
    const { sink: mirror, slow } = this.#mirror
    const source = native.dup(this.#ends.source)
    const sink = native.dup(this.#ends.sink)
    try {
      if (source < 0 || sink < 0) return new PathRefused('there are no descriptors to duplicate bytes with')
      const delivery = await deliverToSeveral(
        socket(source),
        [socket(sink), typeof mirror === 'number' ? socket(mirror) : mirror],
        {
          slowSinks: slow,
          signal: this.#abort.signal,
          teeOnly: slow === 'wait',
          cutsStalled: true,
          // With 'wait' the direction is as slow as its mirror, to the end: the limits of time are the connection's.
          onFirstDone: slow === 'drop' ? () => this.#end(0, false) : undefined,
          onProgress: bytes => {
            this.#moved = true
            this.#spliced = bytes
          },
        },
      )
      return isLacking(delivery.error) ? delivery.error : delivery
    } catch (error) {
      return isLacking(error) ? error : { error, failedSink: -1, result: noneDelivered }
    } finally {
      for (const fd of [source, sink]) if (fd >= 0) native.close(fd)
    }
  }

  async #copy(): Promise<void> {
    const writer = this.#mirror.writer()
    const end = await new Promise<CopiedEnd>(resolve => {
      const ends = { ...this.#ends, tries: true }
      const direction = new CopiedDirection(this.#host, ends, writer, resolve)
      this.#other = direction
      if (this.ended) direction.stop()
      else direction.begin()
    })
    if (end.failed === 'mirror') this.#failMirror()
    else this.#end(end.errno, end.failed === 'source')
    await writer.end()
    this.#mirror.onEnd({ bytes: end.mirroredBytes, why: end.failed === 'mirror' ? end.why : '' })
  }

  #passPlainly(why: string): void {
    this.#mirror.onEnd({ bytes: 0, why })
    if (this.ended) return
    const ends = { ...this.#ends, tries: true }
    this.#other = new Passage(this.#host, ends, (errno, atSource) => this.#end(errno, atSource))
    this.#other.begin()
  }

  #failMirror(): void {
    if (this.ended) return
    this.ended = true
    this.#mirrorFailed()
  }

  #end(errno: number, atSource: boolean): void {
    if (this.ended) return
    this.ended = true
    this.#done(errno, atSource)
  }
}

/** Whether it says that nothing was taken, for want of descriptors or of tee(2). */
function isLacking(error: unknown): error is Error {
  return (
    error instanceof PathRefused || (error instanceof SluiceError && error.code === 'ERR_SLUICE_DESCRIPTORS')
  )
}

function errnoOf(error: unknown): number {
  return (error instanceof SluiceError ? error.errno : undefined) ?? -constants.errno.EIO
}
