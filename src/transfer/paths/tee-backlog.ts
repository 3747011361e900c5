/**
 * Hot: what one of several sinks has still to get, in pipes that refer to the pages. A full pipe is followed by another
 * one, within limits; an emptied one goes back to the pool.
 *
 * How much a pipe holds depends on how the bytes came: a page of it may hold a single byte. So nothing is computed
 * from its capacity: the kernel says when it is full.
 */
import { constants } from 'node:os'
import type { Native } from '../../native/calls.js'
import type { Pipe, PipePool } from '../pipe-pool.js'

const { EAGAIN } = constants.errno

export interface BacklogLimits {
  readonly pipes: number
  /** No more is taken from this size on: pages can be far larger than 4 KiB. */
  readonly bytes: number
}

export class Backlog {
  /** Bytes in all of the pipes. */
  bytes = 0
  /** A thread empties the first pipe, and has locked it: whoever touched it would wait for the disk. */
  pinned = false
  readonly #native: Native
  readonly #pool: PipePool
  readonly #limits: BacklogLimits
  /** The oldest bytes are in the first. */
  readonly #pipes: Pipe[] = []
  /** Bytes in each of them. */
  readonly #held: number[] = []

  /** @throws ERR_SLUICE_DESCRIPTORS where there are none left for a pipe */
  constructor(native: Native, pool: PipePool, limits: BacklogLimits) {
    this.#native = native
    this.#pool = pool
    this.#limits = limits
    this.#append(pool.take())
  }

  /** The pipe with the oldest bytes. */
  get first(): Pipe {
    return this.#pipes[0]!
  }

  /** Bytes in the first pipe. */
  get firstBytes(): number {
    return this.#held[0]!
  }

  /** Duplicates what is at the head of a pipe, which keeps it → bytes, fewer where there is less room, or -errno: tee(2). */
  duplicate(from: Pipe, count: number): number {
    if (this.bytes >= this.#limits.bytes) return -EAGAIN
    if (this.pinned && this.#pipes.length === 1 && !this.#extend()) return -EAGAIN
    let got = this.#native.tee(from.readFd, this.#last.writeFd, count, this.#native.SPLICE_F_NONBLOCK)
    if (got === -EAGAIN && this.#held[this.#held.length - 1]! > 0 && this.#extend())
      got = this.#native.tee(from.readFd, this.#last.writeFd, count, this.#native.SPLICE_F_NONBLOCK)
    return this.#put(got)
  }

  /** Takes over what is at the head of a pipe → bytes, fewer where there is less room, or -errno: splice(2). */
  move(from: Pipe, count: number): number {
    if (this.pinned && this.#pipes.length === 1 && !this.#extend()) return -EAGAIN
    const { SPLICE_F_NONBLOCK } = this.#native
    const got = this.#native.splice(from.readFd, null, this.#last.writeFd, null, count, SPLICE_F_NONBLOCK)
    return this.#put(got)
  }

  /** So many bytes have left the first pipe. */
  took(count: number): void {
    this.bytes -= count
    this.#held[0]! -= count
    if (this.#held[0] !== 0 || this.#pipes.length === 1) return
    this.#held.shift()
    this.#pool.give(this.#pipes.shift()!, true)
  }

  /** Gives the pipes back, with what is in them; no thread may use them any more. */
  close(): void {
    for (let index = 0; index < this.#pipes.length; index++) {
      this.#pool.give(this.#pipes[index]!, this.#held[index] === 0)
    }
    this.#pipes.length = 0
    this.#held.length = 0
  }

  get #last(): Pipe {
    return this.#pipes[this.#pipes.length - 1]!
  }

  #put(got: number): number {
    if (got > 0) {
      this.bytes += got
      this.#held[this.#held.length - 1]! += got
    }
    return got
  }

  #append(pipe: Pipe): void {
    this.#pipes.push(pipe)
    this.#held.push(0)
  }

  /** Adds an empty pipe → false where there may be no more, or none is to be had. */
  #extend(): boolean {
    if (this.#pipes.length >= this.#limits.pipes) return false
    try {
      this.#append(this.#pool.take())
      return true
    } catch {
      return false
    }
  }
}
