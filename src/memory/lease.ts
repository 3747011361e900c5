/**
 * Hot: a slot of a pool while the program has it.
 *
 * The functions below the class move a lease to the kernel and back. They are for whoever submits bytes to
 * the kernel (transfers, engines), not for programs:
 *
 * 1. `submitLease` before the first system call that names the bytes, which the program then cannot touch.
 * 2. The system calls, on `lease.region.fd` at `lease.offset`, or on `kernelBytes(lease)`.
 * 3. After the *final* notification, not the first completion, one of `completeLease`, which hands the bytes
 *    back to the program, and `retireLease`, which gives the slot back to its pool. For pages that were sent
 *    by reference, that is when fresh ones are in their place (lent-pages.ts). Also where the transfer failed.
 */
import { dispose } from '../base/dispose.js'
import { checkInteger } from '../base/options.js'
import type { Region } from './region.js'

/** What a lease asks of the pool that it came from. */
export interface LeaseOwner {
  readonly region: Region
  readonly kernel: readonly Uint8Array[]
  readonly strideBytes: number
  checkLeased(slot: number, generation: number, what: string): void
  release(slot: number, generation: number): void
  abandon(slot: number, generation: number): void
  submit(slot: number, generation: number): void
  complete(slot: number, generation: number): void
  retire(slot: number, generation: number): void
}

// What the functions below reach of a lease's private fields.
let submit: (lease: Lease) => void
let complete: (lease: Lease, length: number) => void
let retire: (lease: Lease) => void
let kernelView: (lease: Lease) => Uint8Array

/**
 * A slot of a pool, the program's own until release(). Every use checks that it still is: ERR_SLUICE_RELEASED
 * after release(), ERR_SLUICE_IN_FLIGHT while a transfer has it, ERR_SLUICE_CLOSED once the pool or its
 * region was closed.
 */
export class Lease {
  /** The index of the slot in its pool. */
  readonly slot: number
  readonly #owner: LeaseOwner
  readonly #generation: number
  readonly #whole: Uint8Array
  #used: Uint8Array

  constructor(owner: LeaseOwner, slot: number, generation: number, bytes: Uint8Array) {
    this.slot = slot
    this.#owner = owner
    this.#generation = generation
    this.#whole = bytes
    this.#used = bytes
  }

  /**
   * The first `length` bytes of the slot. At first they are what the slot's last owner left, not zeros. A
   * view that is kept longer than the lease reaches the next owner's bytes, except in a pool that verifies.
   */
  get bytes(): Uint8Array {
    this.#owner.checkLeased(this.slot, this.#generation, 'bytes')
    return this.#used
  }

  /** How many of the slot's bytes are in use: what a transfer sends, or has received. At first all. */
  get length(): number {
    return this.#used.length
  }

  set length(length: number) {
    this.#owner.checkLeased(this.slot, this.#generation, 'setting length')
    this.#resize(length)
  }

  /** Where the slot begins in its region, in bytes: a multiple of the page size. */
  get offset(): number {
    return this.slot * this.#owner.strideBytes
  }

  /** The memory that the slot is part of. */
  get region(): Region {
    return this.#owner.region
  }

  /** Gives the slot back to its pool. */
  release(): void {
    this.#owner.release(this.slot, this.#generation)
  }

  /**
   * Gives back what is not given back yet: what is in flight as soon as it comes back. Unlike release() it is
   * no error after the lease has ended, as a transfer may have ended it.
   */
  [dispose](): void {
    this.#owner.abandon(this.slot, this.#generation)
  }

  #resize(length: number): void {
    if (length === this.#used.length) return
    checkInteger('length', length, { min: 0, max: this.#whole.length })
    this.#used = length === this.#whole.length ? this.#whole : this.#whole.subarray(0, length)
  }

  static {
    submit = lease => lease.#owner.submit(lease.slot, lease.#generation)
    complete = (lease, length) => {
      lease.#resize(length)
      lease.#owner.complete(lease.slot, lease.#generation)
    }
    retire = lease => lease.#owner.retire(lease.slot, lease.#generation)
    kernelView = lease => lease.#owner.kernel[lease.slot]!
  }
}

/**
 * From the program to the kernel.
 *
 * @throws ERR_SLUICE_RELEASED, ERR_SLUICE_IN_FLIGHT, ERR_SLUICE_CLOSED; then nothing has changed
 */
export function submitLease(lease: Lease): void {
  submit(lease)
}

/** From the kernel back to the program; `length` where the kernel wrote so many bytes. */
export function completeLease(lease: Lease, length: number = lease.length): void {
  complete(lease, length)
}

/** From the kernel back to the pool: the lease has ended. */
export function retireLease(lease: Lease): void {
  retire(lease)
}

/** The kernel's view of the whole slot: these bytes, not the program's, may be named in system calls. */
export function kernelBytes(lease: Lease): Uint8Array {
  return kernelView(lease)
}
