/**
 * As much of io_uring as trying it takes: one submission at a time, completions in their order. Offsets are those
 * of linux/io_uring.h, which native/abi.c asserts.
 */
import { constants } from 'node:os'
import { attempt } from './refusal.js'
import { Structure } from './structure.js'
import type { Workbench } from './workbench.js'

/** struct io_uring_params, in 32-bit words; where `sq` and `cq` say where in the rings' memory the fields are. */
const params = { words: 30, sqEntries: 0, cqEntries: 1, features: 5, sq: 10, cq: 20 }
const sqFields = { tail: 1, mask: 2, array: 6 }
const cqFields = { head: 0, tail: 1, mask: 2, cqes: 5 }
/** struct io_uring_sqe, in bytes. */
const sqe = { bytes: 64, opcode: 0, ioprio: 2, fd: 4, address: 16, length: 24 }
/** struct io_uring_cqe, in 32-bit words. */
const cqe = { words: 4, value: 2, flags: 3 }

export interface Submission {
  readonly opcode: number
  readonly fd?: number
  readonly ioprio?: number
  /** What is to be sent. It stays alive, unmoved, until the kernel is done with it. */
  readonly bytes?: Uint8Array
}

export interface Completion {
  /** The operation's result, or -errno. */
  readonly value: number
  readonly flags: number
}

export class Ring {
  readonly fd: number
  readonly #bench: Workbench
  readonly #params = new Uint32Array(params.words)
  readonly #sq: Int32Array
  readonly #cq: Int32Array
  readonly #sqes: Uint8Array

  /** `entries` is a power of two. @throws Refusal */
  constructor(bench: Workbench, entries: number) {
    const { native } = bench
    this.#bench = bench
    this.fd = bench.own('io_uring_setup', native.ioUringSetup(entries, new Uint8Array(this.#params.buffer)))
    const sqWords = this.#sqAt('array') + this.#params[params.sqEntries]!
    const cqWords = this.#cqAt('cqes') + cqe.words * this.#params[params.cqEntries]!
    const together = (this.#params[params.features]! & native.IORING_FEAT_SINGLE_MMAP) !== 0
    this.#sq = new Int32Array(
      this.#map(native.IORING_OFF_SQ_RING, 4 * (together ? Math.max(sqWords, cqWords) : sqWords)),
    )
    this.#cq = together ? this.#sq : new Int32Array(this.#map(native.IORING_OFF_CQ_RING, 4 * cqWords))
    this.#sqes = new Uint8Array(this.#map(native.IORING_OFF_SQES, sqe.bytes * entries))
  }

  /** Hands one operation to the kernel, without waiting for it. @throws Refusal */
  submit({ opcode, fd = -1, ioprio = 0, bytes }: Submission): void {
    const { native } = this.#bench
    const tail = this.#sq[this.#sqAt('tail')]!
    const slot = tail & this.#sq[this.#sqAt('mask')]!
    const entry = new Structure(this.#sqes.subarray(slot * sqe.bytes, (slot + 1) * sqe.bytes))
    entry.bytes.fill(0)
    entry.set8(sqe.opcode, opcode)
    entry.set16(sqe.ioprio, ioprio)
    entry.set32(sqe.fd, fd)
    if (bytes !== undefined) {
      entry.set64(sqe.address, native.addressOf(bytes))
      entry.set32(sqe.length, bytes.length)
    }
    this.#sq[this.#sqAt('array') + slot] = slot
    // The kernel may look as soon as the tail has moved: everything else is written before.
    Atomics.store(this.#sq, this.#sqAt('tail'), (tail + 1) | 0)
    attempt('io_uring_enter', native.ioUringEnter(this.fd, 1, 0, 0))
  }

  /** The next completion. @throws Refusal, with ETIMEDOUT where none comes */
  async completion(): Promise<Completion> {
    const head = this.#cq[this.#cqAt('head')]!
    await this.#bench.until('io_uring_enter', () =>
      Atomics.load(this.#cq, this.#cqAt('tail')) === head ? -constants.errno.EAGAIN : 0,
    )
    const at = this.#cqAt('cqes') + cqe.words * (head & this.#cq[this.#cqAt('mask')]!)
    const completion = { value: this.#cq[at + cqe.value]!, flags: this.#cq[at + cqe.flags]! }
    Atomics.store(this.#cq, this.#cqAt('head'), (head + 1) | 0)
    return completion
  }

  /** Where a field of the submission ring is, in words. */
  #sqAt(field: keyof typeof sqFields): number {
    return this.#params[params.sq + sqFields[field]]! / 4
  }

  #cqAt(field: keyof typeof cqFields): number {
    return this.#params[params.cq + cqFields[field]]! / 4
  }

  #map(offset: number, length: number): ArrayBuffer {
    const { native } = this.#bench
    return this.#bench.map(this.fd, offset, length, native.PROT_READ | native.PROT_WRITE)
      .buffer as ArrayBuffer
  }
}
