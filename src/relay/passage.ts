/**
 * Hot: one direction of a connection: what arrives on one socket is sent on the other, until the source ends.
 *
 * Small pieces are received into memory that all passages share and sent at once: two system calls and no pipe, so that
 * an idle connection holds nothing. A source that fills that memory is spliced from, by reference, until it comes in small
 * pieces again.
 */
import { constants } from 'node:os'
import { KiB } from '../base/units.js'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, STEP_WAIT_SOURCE, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'
import { isRefusal } from '../transfer/paths/path-refused.js'
import { PipedSplicer, type SplicerHost, stepBytes } from '../transfer/paths/splice-piped.js'
import { sharedPipes } from '../transfer/pipe-pool.js'
import type { Direction, DirectionDone, DirectionEnds } from './direction.js'

/** What is copied at once, and the least that makes splicing worth its pipe. */
export const smallBytes = 16 * KiB

const { EAGAIN, EINTR } = constants.errno

/** What all passages of a thread share. */
export interface PassageHost extends SplicerHost {
  /** Where small pieces are received. */
  readonly shared: Uint8Array
  /** Whether bytes may be spliced at all; false where that was asked for, or where the kernel refuses. */
  splices: boolean
}

export function passageHost(native: Native, engine: Engine): PassageHost {
  return { native, engine, pipes: sharedPipes(native), shared: new Uint8Array(smallBytes), splices: true }
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
  readonly #done: DirectionDone
  /** Made when something is to be spliced. */
  #splicer: PipedSplicer | null = null
  /** It is spliced for now. */
  #bulky = false
  /** The last piece was short: the source is empty until the engine says otherwise. */
  #emptied = false
  /** What was copied and the sink did not take yet; null where there is nothing. */
  #rest: Uint8Array | null = null
  /** Which end the last result was of. */
  #atSource = true
  /** Whether the source is received from without having been said to be ready. */
  #tries: boolean
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
    // Nothing can have come yet: the engine says when it has.
    if (!this.#tries) {
      this.#tries = true
      return STEP_WAIT_SOURCE
    }
    this.#emptied = false
    const stopAt = this.spliced + this.copied + stepBytes
    do {
      const moved = this.#move()
      if (moved > 0) this.moved = true
      else if (moved === -EAGAIN) return this.#atSource ? this.#waitForSource() : this.#waitForSink()
      else if (moved !== -EINTR) return this.#tell(moved)
      if (this.#emptied && this.#rest === null) return this.#waitForSource()
    } while (this.spliced + this.copied < stopAt)
    return STEP_MORE
  }

  /** → bytes that went to the sink, 0 where the source has ended, -EAGAIN, -EINTR, or what it failed with. */
  #move(): number {
    if (this.#rest !== null) return this.#sendRest(this.#rest)
    return this.#bulky ? this.#splice() : this.#copy()
  }

  #copy(): number {
    this.#atSource = true
    const { native, shared, splices } = this.#host
    const received = native.recv(this.sourceFd, shared, native.MSG_DONTWAIT)
    if (received <= 0) return received
    if (received < shared.length) this.#emptied = !this.sourceEnding
    // There is more where that came from.
    else this.#bulky = splices
    this.#atSource = false
    const sent = native.sendRange(this.fd, shared, 0, received, native.MSG_DONTWAIT)
    if (sent < received) this.#rest = shared.slice(Math.max(sent, 0), received)
    if (sent > 0) this.copied += sent
    return sent
  }

  #sendRest(rest: Uint8Array): number {
    this.#atSource = false
    const { native } = this.#host
    const sent = native.send(this.fd, rest, native.MSG_DONTWAIT)
    if (sent <= 0) return sent
    this.copied += sent
    this.#rest = sent === rest.length ? null : rest.subarray(sent)
    return sent
  }

  #splice(): number {
    this.#splicer ??= new PipedSplicer(this.#host, this, this.#isTcp)
    const splicer = this.#splicer
    const sent = splicer.move()
    this.#atSource = splicer.atSource
    if (sent > 0) {
      this.spliced += sent
      this.#bulky = splicer.held > 0 || splicer.filled >= smallBytes
    } else if (splicer.atSource && splicer.refuses(sent)) {
      // Without descriptors for a pipe only for now.
      if (isRefusal(sent)) this.#host.splices = false
      this.#bulky = false
      return this.#copy()
    }
    return sent
  }

  #waitForSource(): Step {
    this.#splicer?.waitForSource(this.spliced + this.copied)
    return STEP_WAIT_SOURCE
  }

  /** A source that was reset meanwhile is not kept until a sink that has stalled takes what there is. */
  #waitForSink(): Step {
    if (!this.sourceEnding) return STEP_WAIT
    const { native } = this.#host
    const error = native.getsockoptInt(this.sourceFd, native.SOL_SOCKET, native.SO_ERROR)
    if (error <= 0) return STEP_WAIT
    this.#atSource = true
    return this.#tell(-error)
  }

  #tell(errno: number): Step {
    this.#finish()
    this.#done(errno, this.#atSource)
    return STEP_DONE
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    // Its ends are closed with it: there is nothing to put back.
    this.#splicer?.end(false)
    this.#rest = null
    // They leave the sets by themselves; nobody else waits for them in the same way.
    this.#host.engine.forget(this, false, false)
  }
}
