/**
 * Hot: one direction of a connection: what arrives on one socket is sent on the other, until the source ends.
 *
 * Small pieces are received into memory that all passages share and sent at once: two system calls and no pipe, so that
 * an idle connection holds nothing. A source that fills that memory is spliced from through a pooled pipe, by reference,
 * until it comes in small pieces again.
 *
 * EAGAIN means either end: of a splice into the pipe, that nothing has arrived or that the pipe is full. The pipe is
 * therefore emptied before it is filled again.
 */
import { constants } from 'node:os'
import { KiB, MiB } from '../base/units.js'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'
import { Bulk } from '../transfer/paths/bulk.js'
import type { Pipe, PipePool } from '../transfer/pipe-pool.js'
import type { Direction, DirectionDone, DirectionEnds } from './direction.js'

/**
 * What one step moves at most, some 0.3 ms: others wait so long for their turn. With 8 streams 2 MiB took 13 % less CPU
 * than 1 MiB, 4 MiB 20 % less (Linux 6.18, Node 20, 2026-11-21).
 */
const stepBytes = 2 * MiB
/** What is copied at once, and the least that makes splicing worth its pipe. */
export const smallBytes = 16 * KiB
/** How often a pipe is filled, without the source being waited for in between, before it is made larger. */
const fillsToEnlarge = 8

const { EAGAIN, EINTR, EINVAL, ENOSYS, EPERM } = constants.errno

/** What all passages of a thread share. */
export interface PassageHost {
  readonly native: Native
  readonly engine: Engine
  readonly pipes: PipePool
  /** Where small pieces are received. */
  readonly shared: Uint8Array
  /** Whether bytes may be spliced at all; false where that was asked for, or where the kernel refuses. */
  splices: boolean
}

export class Passage implements Flow, Direction {
  readonly fd: number
  readonly sourceFd: number
  queued = false
  sourceEnding = false
  readonly keepsToItself = true
  /** Bytes that went out by reference, and through memory. */
  spliced = 0
  copied = 0
  moved = false
  readonly #host: PassageHost
  readonly #isTcp: boolean
  /** Made for a flow that is spliced. */
  #bulk: Bulk | null = null
  readonly #done: DirectionDone
  /** The last piece was short: the source is empty until the engine says otherwise. */
  #emptied = false
  #pipe: Pipe | null = null
  /** Bytes in the pipe. */
  #held = 0
  /** What was copied and the sink did not take yet; null where there is nothing. */
  #rest: Uint8Array | null = null
  #taken = 0
  #bulky = false
  /** How often the pipe was filled since it was taken. */
  #fills = 0
  /** A large pipe stays until the source is quiet: making one large takes a system call. */
  #keepsPipe = false
  /** Whether the source is received from without having been said to be ready. */
  #tries: boolean
  #sourceEnded = false
  /** What receiving failed with: the kernel says it once, and what came before goes out first. */
  #sourceErrno = 0
  #ended = false

  constructor(host: PassageHost, { source, sink, isTcp, tries }: DirectionEnds, done: DirectionDone) {
    this.fd = sink
    this.sourceFd = source
    this.#host = host
    this.#done = done
    this.#isTcp = isTcp
    this.#tries = tries
  }

  get ended(): boolean {
    return this.#ended
  }

  begin(): void {
    this.#host.engine.resume(this)
  }

  /** Ends without telling: the connection is over. What is on its way is lost. */
  stop(): void {
    this.#finish()
  }

  step(): Step {
    if (this.#ended) return STEP_DONE
    this.#bulk?.go()
    // Nothing can have come yet: the engine says when it has.
    if (!this.#tries) {
      this.#tries = true
      return STEP_WAIT_SOURCE
    }
    this.#emptied = false
    const stopAt = this.spliced + this.copied + stepBytes
    while (this.spliced + this.copied < stopAt) {
      if (this.#rest === null && this.#held === 0) {
        const received = this.#emptied ? -EAGAIN : this.#receive()
        if (received === -EAGAIN) return this.#waitForSource()
        if (received <= 0) return this.#end()
      }
      const sent = this.#held > 0 ? this.#drain() : this.#sendRest()
      if (sent === -EAGAIN) return this.#waitForSink()
      if (sent === -EINTR) continue
      if (sent < 0) return this.#tell(sent, false)
      this.moved = true
    }
    return STEP_MORE
  }

  /** → bytes, 0 at the end, -EAGAIN where nothing is there now; another -errno where receiving failed. */
  #receive(): number {
    if (this.#sourceEnded) return 0
    if (this.#sourceErrno !== 0) return this.#sourceErrno
    let received = -EINTR
    while (received === -EINTR) received = this.#bulky ? this.#fill() : this.#copy()
    if (received === 0) this.#sourceEnded = true
    else if (received < 0 && received !== -EAGAIN) this.#sourceErrno = received
    else if (received > 0) this.#taken += received
    return received
  }

  #copy(): number {
    const { native, shared, splices } = this.#host
    const received = native.recv(this.sourceFd, shared, native.MSG_DONTWAIT)
    if (received <= 0) return received
    if (received < shared.length) this.#emptied = !this.sourceEnding
    // There is more where that came from.
    else if (splices) this.#splice()
    const sent = native.sendRange(this.fd, shared, 0, received, native.MSG_DONTWAIT)
    const taken = Math.max(sent, 0)
    this.copied += taken
    if (taken > 0) this.moved = true
    // What the sink failed with it says again.
    if (taken < received) this.#rest = shared.slice(taken, received)
    return received
  }

  #splice(): void {
    this.#bulky = true
    const { native, engine, pipes } = this.#host
    this.#bulk ??= new Bulk(
      native,
      { fd: this.sourceFd, isTcp: this.#isTcp },
      () => {
        if (!this.#isTcp || this.#pipe === null) return
        pipes.enlarge(this.#pipe)
        this.#keepsPipe = true
      },
      () => {
        this.#keepsPipe = false
        engine.resume(this)
      },
    )
  }

  #fill(): number {
    const { native, pipes } = this.#host
    this.#pipe ??= this.#takePipe(pipes)
    const pipe = this.#pipe
    if (pipe === null) return this.#copy()
    const taken = native.splice(
      this.sourceFd,
      null,
      pipe.writeFd,
      null,
      // As much as fits: a pipe is full by its slots, and a slot may take a piece of several pages.
      stepBytes,
      native.SPLICE_F_NONBLOCK,
    )
    if (taken > 0) {
      this.#held = taken
      if (taken < smallBytes) this.#bulky = false
      // The source always has more: what a call moves is what the pipe holds.
      else if (++this.#fills === fillsToEnlarge && this.#isTcp) pipes.enlarge(pipe)
    } else if (taken === -EINVAL || taken === -ENOSYS || taken === -EPERM) {
      this.#host.splices = false
      this.#bulky = false
      this.#letGo()
      return this.#copy()
    }
    return taken
  }

  /** Null where no descriptors are left for a pipe: the bytes are copied for now. */
  #takePipe(pipes: PipePool): Pipe | null {
    try {
      return pipes.take()
    } catch {
      this.#bulky = false
      return null
    }
  }

  #drain(): number {
    const { native } = this.#host
    const sent = native.splice(this.#pipe!.readFd, null, this.fd, null, this.#held, native.SPLICE_F_NONBLOCK)
    if (sent > 0) {
      this.#held -= sent
      this.spliced += sent
    }
    return sent
  }

  /** 0 where all had been sent as it came. */
  #sendRest(): number {
    const rest = this.#rest
    if (rest === null) return 0
    const { native } = this.#host
    const sent = native.send(this.fd, rest, native.MSG_DONTWAIT)
    if (sent <= 0) return sent
    this.copied += sent
    this.#rest = sent === rest.length ? null : rest.subarray(sent)
    return sent
  }

  /** A source that was reset meanwhile is not kept until a sink that has stalled takes what there is. */
  #waitForSink(): Step {
    if (!this.sourceEnding || this.#sourceEnded) return STEP_WAIT
    const { native } = this.#host
    const error = native.getsockoptInt(this.sourceFd, native.SOL_SOCKET, native.SO_ERROR)
    return error > 0 ? this.#tell(-error, true) : STEP_WAIT
  }

  #waitForSource(): Step {
    // First, as what proves to be bulk now keeps its pipe, made larger.
    this.#bulk?.wait(this.#taken)
    if (!this.#keepsPipe) this.#letGo()
    return STEP_WAIT_SOURCE
  }

  /** The pipe goes back, empty. */
  #letGo(): void {
    if (this.#pipe === null) return
    this.#host.pipes.give(this.#pipe, this.#held === 0)
    this.#pipe = null
    this.#fills = 0
  }

  #end(): Step {
    return this.#tell(this.#sourceErrno, true)
  }

  #tell(errno: number, atSource: boolean): Step {
    this.#finish()
    this.#done(errno, atSource)
    return STEP_DONE
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#bulk?.end(true)
    this.#letGo()
    this.#rest = null
    // Its ends are closed with it, and leave the sets by themselves; nobody else waits for them in the same way.
    this.#host.engine.forget(this, false, false)
  }
}
