/**
 * What a program sees of a slot. The kernel's view is always the region's own mapping; the program's is the
 * same view, or, in a pool that verifies, one of its own that dies with the lease.
 */
import { systemError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { native } from '../native/load.js'
import { detach } from './detach.js'
import type { Region } from './region.js'

export interface Views {
  /** The program's view of a slot that is free so far. */
  open(slot: number): Uint8Array
  /** The kernel gets the slot. Throws where that fails: then the program keeps it. */
  toKernel(slot: number): void
  /** The program gets it back. */
  toProgram(slot: number): void
  /** The slot becomes free: the program's view ends. */
  drop(slot: number): void
}

/** How a region is cut: `slotBytes` are used of every `strideBytes`. */
export interface Cut {
  slots: number
  slotBytes: number
  strideBytes: number
}

/** What a slot that is given back is filled with, so that reading it too late shows. */
export const poison = 0xdb

/** The kernel's view of each slot. */
export function kernelViews(region: Region, { slots, slotBytes, strideBytes }: Cut): Uint8Array[] {
  const { bytes } = region
  return Array.from({ length: slots }, (_, slot) =>
    bytes.subarray(slot * strideBytes, slot * strideBytes + slotBytes),
  )
}

export function openViews(region: Region, cut: Cut, kernel: Uint8Array[], verify: boolean): Views {
  if (!verify) return sharedViews(kernel)
  const { fd } = region
  return native === null || fd === null ? copiedViews(kernel) : mappedViews(native, fd, cut, kernel)
}

/** Program and kernel look at the same bytes; what is stale is caught by the lease alone. */
function sharedViews(kernel: Uint8Array[]): Views {
  return { open: slot => kernel[slot]!, toKernel: nothing, toProgram: nothing, drop: nothing }
}

/** A mapping for each lease: inaccessible while the kernel has the slot, gone when it is given back. */
function mappedViews(
  native: Native,
  fd: number,
  { slotBytes, strideBytes }: Cut,
  kernel: Uint8Array[],
): Views {
  const buffers: (ArrayBuffer | null)[] = kernel.map(() => null)
  const readWrite = native.PROT_READ | native.PROT_WRITE
  const protect = (slot: number, protection: number): void => {
    const errno = native.mprotect(buffers[slot]!, 0, strideBytes, protection)
    if (errno < 0) throw systemError(errno, 'mprotect', `Protecting slot ${slot} of ${strideBytes} bytes`)
  }
  return {
    open: slot => {
      const buffer = native.mapShared(fd, slot * strideBytes, strideBytes, readWrite, 0)
      if (typeof buffer === 'number')
        throw systemError(buffer, 'mmap', `Mapping slot ${slot} of ${strideBytes} bytes`)
      buffers[slot] = buffer
      return new Uint8Array(buffer, 0, slotBytes)
    },
    toKernel: slot => protect(slot, native.PROT_NONE),
    toProgram: slot => protect(slot, readWrite),
    drop: slot => {
      native.unmap(buffers[slot]!)
      buffers[slot] = null
      poisonBytes(kernel[slot]!)
    },
  }
}

/** Without a descriptor there is no second mapping: the bytes are copied where program and kernel meet. */
function copiedViews(kernel: Uint8Array[]): Views {
  const own: (Uint8Array<ArrayBuffer> | null)[] = kernel.map(() => null)
  return {
    open: slot => {
      const copy = new Uint8Array(kernel[slot]!)
      own[slot] = copy
      return copy
    },
    toKernel: slot => kernel[slot]!.set(own[slot]!),
    toProgram: slot => own[slot]!.set(kernel[slot]!),
    drop: slot => {
      detach(own[slot]!.buffer)
      own[slot] = null
      poisonBytes(kernel[slot]!)
    },
  }
}

function poisonBytes(bytes: Uint8Array): void {
  // A region that was closed before its pool has taken them along.
  if (bytes.length > 0) bytes.fill(poison)
}

function nothing(): void {}
