/** A ring as the kernel made it: its descriptor, and its three memories as typed arrays. */
import { constants, endianness } from 'node:os'
import { SluiceError } from '../base/errors.js'
import type { Native, OwnedRing } from '../native/calls.js'
import { FEATURE_NODROP, FEATURE_SINGLE_MMAP, SETUP_CLAMP, SETUP_CQSIZE } from './flags.js'
import { cqe, cqOffsets, params, sqe, sqOffsets } from './layout.js'
import { oldestKernel, setupRefused } from './refusal.js'

const { EINTR } = constants.errno

export interface RingShape {
  /** How many submissions the ring holds, rounded up to a power of two. */
  entries: number
  /** How many completions. */
  completions: number
  /** SETUP_… */
  flags: number
  /** With SETUP_SQPOLL: how long the kernel's thread looks for submissions before it sleeps. */
  idleMs?: number
  /** With SETUP_SQ_AFF: where it runs. */
  cpu?: number
}

export interface MappedRing {
  readonly fd: number
  readonly owner: OwnedRing
  /** The submission ring, and where in it the fields are, in words. */
  readonly sq: Int32Array
  readonly sqHead: number
  readonly sqTail: number
  readonly sqFlags: number
  readonly sqMask: number
  readonly sqes: Int32Array
  readonly cq: Int32Array
  readonly cqHead: number
  readonly cqTail: number
  readonly cqMask: number
  readonly cqes: number
  /** Detaches every array, then lets the memory go. The descriptor stays. */
  unmap(): void
}

/**
 * @throws ERR_SLUICE_RING where the machine does not allow rings, saying why; ERR_SLUICE_MEMORY;
 *   ERR_SLUICE_DESCRIPTORS
 */
export function openMappedRing(native: Native, shape: RingShape): MappedRing {
  if (endianness() !== 'LE') {
    throw new SluiceError('ERR_SLUICE_RING', 'Opening a ring: this machine is big-endian')
  }
  const filled = new Int32Array(params.words)
  filled[params.flags] = shape.flags | SETUP_CQSIZE | SETUP_CLAMP
  filled[params.cqEntries] = shape.completions
  filled[params.sqThreadIdle] = shape.idleMs ?? 0
  filled[params.sqThreadCpu] = shape.cpu ?? 0
  const fd = native.ioUringSetup(shape.entries, new Uint8Array(filled.buffer))
  if (fd < 0) throw setupRefused(fd, 'io_uring_setup')
  const owner = native.ioUringOwn(fd)
  if (typeof owner === 'number') throw setupRefused(owner, 'io_uring_setup')
  const needed = FEATURE_SINGLE_MMAP | FEATURE_NODROP
  if ((filled[params.features]! & needed) !== needed) {
    native.ioUringClose(owner)
    throw new SluiceError('ERR_SLUICE_RING', `Opening a ring: this kernel is older than ${oldestKernel}`)
  }
  // A filter may let it be set up, and then refuse to enter it.
  const entered = native.ioUringEnter(fd, 0, 0, 0)
  if (entered < 0 && entered !== -EINTR) {
    native.ioUringClose(owner)
    throw setupRefused(entered, 'io_uring_enter')
  }
  return mapRing(native, fd, owner, filled)
}

function mapRing(native: Native, fd: number, owner: OwnedRing, filled: Int32Array): MappedRing {
  const sqAt = (field: number): number => filled[params.sq + field]! / 4
  const cqAt = (field: number): number => filled[params.cq + field]! / 4
  const sqEntries = filled[params.sqEntries]!
  const cqEntries = filled[params.cqEntries]!
  const words = Math.max(sqAt(sqOffsets.array) + sqEntries, cqAt(cqOffsets.cqes) + cqe.words * cqEntries)
  const buffers: ArrayBuffer[] = []
  const unmap = (): void => {
    for (const buffer of buffers) native.unmap(buffer)
  }
  const map = (offset: number, byteLength: number): Int32Array => {
    const buffer = native.mapShared(fd, offset, byteLength, native.PROT_READ | native.PROT_WRITE, 0)
    if (typeof buffer === 'number') {
      unmap()
      native.ioUringClose(owner)
      throw setupRefused(buffer, 'mmap')
    }
    buffers.push(buffer)
    return new Int32Array(buffer)
  }
  const rings = map(native.IORING_OFF_SQ_RING, 4 * words)
  const sqes = map(native.IORING_OFF_SQES, 4 * sqe.words * sqEntries)
  // Entry i of the ring is always sqe i: what is written here is never changed.
  for (let index = 0; index < sqEntries; index++) rings[sqAt(sqOffsets.array) + index] = index
  return {
    fd,
    owner,
    sq: rings,
    sqHead: sqAt(sqOffsets.head),
    sqTail: sqAt(sqOffsets.tail),
    sqFlags: sqAt(sqOffsets.flags),
    sqMask: sqEntries - 1,
    sqes,
    cq: rings,
    cqHead: cqAt(cqOffsets.head),
    cqTail: cqAt(cqOffsets.tail),
    cqMask: cqEntries - 1,
    cqes: cqAt(cqOffsets.cqes),
    unmap,
  }
}
