/** Memory as the kernel gets it, for as long as a transfer has it: held first, let go of once, at the end. */
import { SluiceError } from '../base/errors.js'
import { kernelBytes, Lease, retireLease, submitLease } from '../memory/lease.js'
import { LentPages } from '../memory/lent-pages.js'
import { MappedFile } from '../memory/mapped-file.js'
import { Region } from '../memory/region.js'
import type { MemorySource } from './ends/memory-source.js'

export interface MemoryPieces {
  /** The kernel's views, in order: these may be named in system calls. Other code can take their bytes away: intact(). */
  readonly views: readonly Uint8Array[]
  /** Number of bytes in all of them. */
  readonly bytes: number
  /** Where the bytes are in a memfd from which they may be sent by reference; null where they may not. */
  readonly region: RegionPiece | null
}

/** Bytes of a region that nobody changes any more while the kernel still refers to them. */
export interface RegionPiece {
  readonly fd: number
  /** Where the first byte is in the memfd. */
  readonly offset: number
  /** The size of a page of the memfd, in bytes. */
  readonly pageBytes: number
  /**
   * The whole pages that hold the bytes and nothing else that matters, for a lease: they are replaced by fresh ones
   * once the kernel has taken them. Null where the content stays, for a range that is `stable`.
   */
  readonly pages: LentPages | null
}

export interface HeldMemory extends MemoryPieces {
  /** @throws ERR_SLUICE_MAPPING_TRUNCATED where bytes of a mapped file were missing, and zeros may have been taken for them */
  check(): void
  /** The kernel has let go of the memory. A lease ends thereby. Once. */
  release(): void
}

/**
 * Takes the memory for a transfer.
 *
 * @throws ERR_SLUICE_RELEASED, ERR_SLUICE_IN_FLIGHT, ERR_SLUICE_CLOSED, ERR_SLUICE_MAPPING_TRUNCATED,
 *   ERR_SLUICE_OPTION where the range is not in it any more; then it is the program's as before
 */
export function holdMemory(source: MemorySource): HeldMemory {
  const { of } = source
  if (of instanceof Lease) return holdLease(of, source)
  if (of instanceof Region) return holdRegion(of, source)
  if (of instanceof MappedFile) return holdMapping(of, source)
  return { ...piecesOf(rangeOf(of, of.length, source), null), check: nothing, release: nothing }
}

/** Whether the views still have their bytes: a buffer can be detached or shrunk. */
export function intact({ views, bytes }: MemoryPieces): boolean {
  let found = 0
  for (let index = 0; index < views.length; index++) found += views[index]!.length
  return found === bytes
}

/** What became of memory that is not intact. */
export function goneError(): SluiceError {
  return new SluiceError('ERR_SLUICE_CLOSED', 'The memory was detached or shrunk while it was sent', {
    remedy: 'Keep the bytes where they are until the transfer has settled.',
  })
}

function holdLease(lease: Lease, source: MemorySource): HeldMemory {
  // Its length, not that of the slot; and it says so where the lease is not the program's.
  const { length } = lease.bytes
  const view = rangeOf(kernelBytes(lease), length, source)
  submitLease(lease)
  const { region, offset } = lease
  const start = offset + (source.start ?? 0)
  const { fd, pageBytes } = region
  const first = start - (start % pageBytes)
  const last = Math.ceil((start + view.length) / pageBytes) * pageBytes
  const pages = new LentPages(region, first, last - first)
  const piece =
    fd === null || !region.sendfileSource || view.length === 0
      ? null
      : { fd, offset: start, pageBytes, pages }
  return { ...piecesOf(view, piece), check: nothing, release: () => retireLease(lease) }
}

function holdRegion(region: Region, source: MemorySource): HeldMemory {
  const view = rangeOf(region.bytes, region.byteLength, source)
  region.pin()
  const { fd, pageBytes, sendfileSource } = region
  const byReference = source.stable === true && fd !== null && sendfileSource && view.length > 0
  const piece = byReference ? { fd, offset: source.start ?? 0, pageBytes, pages: null } : null
  return { ...piecesOf(view, piece), check: nothing, release: () => region.unpin() }
}

function holdMapping(mapping: MappedFile, source: MemorySource): HeldMemory {
  mapping.check()
  const view = rangeOf(mapping.bytes, mapping.byteLength, source)
  mapping.pin()
  return { ...piecesOf(view, null), check: () => mapping.check(), release: () => mapping.unpin() }
}

/** `length`: how many of the bytes are in use. */
function rangeOf(
  bytes: Uint8Array,
  length: number,
  { start = 0, end = length - 1 }: MemorySource,
): Uint8Array {
  if (start > length || end >= length) {
    const what = `The memory has ${length} bytes now; bytes ${start} to ${end} were to be sent`
    throw new SluiceError('ERR_SLUICE_OPTION', what)
  }
  // Also where it is the whole: a view of its own does not grow with its buffer.
  return bytes.subarray(start, end + 1)
}

function piecesOf(view: Uint8Array, region: RegionPiece | null): MemoryPieces {
  return { views: [view], bytes: view.length, region }
}

function nothing(): void {}
