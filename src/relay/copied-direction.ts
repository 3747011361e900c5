/**
 * Hot: one direction of a connection and its mirror by copying, for where bytes cannot be duplicated by tee(2): no
 * descriptor is needed besides the mirror's own. Both have a piece before the next one is received, so that the mirror
 * sets the pace.
 */
import { constants } from 'node:os'
import { type Flow, STEP_DONE, STEP_WAIT, STEP_WAIT_SOURCE, type Step } from '../engine/flow.js'
import type { Direction, DirectionEnds } from './direction.js'
import type { MirrorWriter } from './mirror-writer.js'
import type { PassageHost } from './passage.js'

const { EAGAIN, EINTR } = constants.errno

/** How it ended: `failed` is null where it did well, or was stopped. */
export interface CopiedEnd {
  readonly failed: 'source' | 'sink' | 'mirror' | null
  /** -errno of the source, or the sink. */
  readonly errno: number
  /** Of the mirror. */
  readonly why: string
  readonly mirroredBytes: number
}

export class CopiedDirection implements Flow, Direction {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  sourceEnding = false
  readonly spliced = 0
  copied = 0
  moved = false
  ended = false
  readonly #host: PassageHost
  readonly #writer: MirrorWriter
  readonly #done: (end: CopiedEnd) => void
  #mirroredBytes = 0
  /** The mirror has not got the last piece yet. */
  #writing = false
  /** What the sink has not got of the last piece; null where it has all. */
  #rest: Uint8Array | null = null

  /** `done` is told once, also where it was stopped; the writer may be busy then. */
  constructor(
    host: PassageHost,
    { source, sink }: DirectionEnds,
    writer: MirrorWriter,
    done: (end: CopiedEnd) => void,
  ) {
    this.fd = sink
    this.sourceFd = source
    this.#host = host
    this.#writer = writer
    this.#done = done
  }

  begin(): void {
    this.#host.engine.resume(this)
  }

  stop(): void {
    this.#finish(null, 0)
  }

  step(): Step {
    if (this.ended) return STEP_DONE
    for (;;) {
      const sent = this.#sendRest()
      if (sent === -EINTR) continue
      if (sent === -EAGAIN) return this.#waitFor(STEP_WAIT)
      if (sent < 0) return this.#finish('sink', sent)
      // The source is not received from meanwhile, but may break off.
      if (this.#writing) return this.#waitFor(STEP_WAIT_SOURCE)
      const received = this.#receive()
      if (received === -EAGAIN) return STEP_WAIT_SOURCE
      if (received === 0) return this.#finish(null, 0)
      if (received !== -EINTR && received < 0) return this.#finish('source', received)
    }
  }

  /** → 0 or more where the sink has all. */
  #sendRest(): number {
    const { native } = this.#host
    while (this.#rest !== null) {
      const sent = native.send(this.fd, this.#rest, native.MSG_DONTWAIT)
      if (sent < 0) return sent
      this.copied += sent
      this.moved = true
      this.#rest = sent === this.#rest.length ? null : this.#rest.subarray(sent)
    }
    return 0
  }

  /** → bytes that came, or 0 or -errno. */
  #receive(): number {
    const { native, shared } = this.#host
    const received = native.recv(this.sourceFd, shared, native.MSG_DONTWAIT)
    if (received <= 0) return received
    // The memory is others' as soon as this step is over.
    this.#rest = shared.slice(0, received)
    this.#mirror(this.#rest)
    return received
  }

  async #mirror(piece: Uint8Array): Promise<void> {
    this.#writing = true
    try {
      await this.#writer.write(piece)
    } catch (error) {
      this.#finish('mirror', 0, error instanceof Error ? error.message : String(error))
      return
    }
    this.#writing = false
    this.#mirroredBytes += piece.length
    if (!this.ended) this.#host.engine.resume(this)
  }

  /** A source that was reset meanwhile is not kept until an end that has stalled takes what there is. */
  #waitFor(step: typeof STEP_WAIT | typeof STEP_WAIT_SOURCE): Step {
    if (!this.sourceEnding) return step
    const { native } = this.#host
    const error = native.getsockoptInt(this.sourceFd, native.SOL_SOCKET, native.SO_ERROR)
    return error > 0 ? this.#finish('source', -error) : step
  }

  #finish(failed: CopiedEnd['failed'], errno: number, why = ''): typeof STEP_DONE {
    if (this.ended) return STEP_DONE
    this.ended = true
    // As a passage does: its ends leave the sets when they are closed.
    this.#host.engine.forget(this, false, false)
    this.#done({ failed, errno, why, mirroredBytes: this.#mirroredBytes })
    return STEP_DONE
  }
}
