/**
 * Whether bytes of a file are in memory, and bringing them there off the event loop: sendfile of a page that is
 * not would hold up everything else that the process does until the disk answers.
 */
import { openSync } from 'node:fs'
import { constants, devNull } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Native } from '../native/calls.js'

const probe = new Uint8Array(1)
let hasCachestat = true

/** Which file a descriptor is open on, where the caller knows. */
export interface FileIdentity {
  readonly device: number
  readonly inode: number
}

export interface FileRange {
  readonly fd: number
  /** First byte. */
  readonly start: number
  /** Number of bytes. */
  readonly length: number
  /** The file that `fd` is open on, where it is known. */
  readonly file?: FileIdentity | undefined
}

/**
 * How long a range that was found in memory and sent is taken to be there still, so that a popular small file is not
 * asked about with every request. Pages that were just used are the last to be evicted.
 */
const rememberedMs = 100
const rememberedMax = 1024

interface Sighting extends FileIdentity {
  readonly start: number
  readonly end: number
  readonly until: number
}
/** By inode: where it was last found in memory. */
const sightings = new Map<number, Sighting>()

/** Whether the range was found in memory a moment ago. */
export function wasResident(file: FileIdentity, start: number, end: number): boolean {
  const seen = sightings.get(file.inode)
  return (
    seen !== undefined &&
    seen.device === file.device &&
    seen.start <= start &&
    seen.end >= end &&
    seen.until > performance.now()
  )
}

/** Remembers that the range was found in memory just now. */
export function noteResident({ device, inode }: FileIdentity, start: number, end: number): void {
  // The oldest goes first; what is noted again goes to the end of the line.
  sightings.delete(inode)
  if (sightings.size >= rememberedMax) {
    const [oldest] = sightings.keys()
    sightings.delete(oldest!)
  }
  sightings.set(inode, { device, inode, start, end, until: performance.now() + rememberedMs })
}

/**
 * Whether sendfile of the range would not wait for a disk. cachestat(2) counts pages that are there; a page
 * that is there may still be on its way from the disk, which a read with RWF_NOWAIT notices, and since reading
 * ahead goes upwards the last byte is the one to ask for. Where cachestat is missing (before Linux 6.5) or not
 * allowed (from 6.14 on, files that are not ours), the first and the last byte must do.
 */
export function isResident(native: Native, fd: number, offset: number, length: number): boolean {
  if (isAway(native, fd, offset + length - 1)) return false
  const cached = hasCachestat ? native.cachestat(fd, offset, length) : -constants.errno.ENOSYS
  if (cached >= 0) {
    const first = Math.floor(offset / native.PAGE_BYTES)
    const last = Math.floor((offset + length - 1) / native.PAGE_BYTES)
    return cached >= last - first + 1
  }
  if (cached === -constants.errno.ENOSYS) hasCachestat = false
  return !isAway(native, fd, offset)
}

function isAway(native: Native, fd: number, offset: number): boolean {
  return native.preadNoWait(fd, probe, offset) === -constants.errno.EAGAIN
}

/** A range of an open file that is sent bit by bit from its beginning: what of it is known to be in memory. */
export class ResidentRange {
  readonly #native: Native
  readonly #fd: number
  /** The bytes up to here are known to be in memory. */
  #end: number
  /** A small file that is to be remembered. */
  #toNote: FileIdentity | null = null

  /** `wholeBytes`: a range that is no longer is asked about as a whole, and remembered where the file is known. */
  constructor(native: Native, { fd, start, length, file }: FileRange, wholeBytes: number) {
    this.#native = native
    this.#fd = fd
    this.#end = start
    if (file === undefined || length > wholeBytes) return
    if (wasResident(file, start, start + length)) this.#end = start + length
    else this.#toNote = file
  }

  /** Whether sending these bytes would not wait for a disk. */
  has(offset: number, count: number): boolean {
    if (offset + count <= this.#end) return true
    if (!isResident(this.#native, this.#fd, offset, count)) return false
    this.#note(offset, count)
    return true
  }

  /** Brings the bytes into memory on a thread, which uses the descriptor until this resolves → -errno where it failed. */
  async fetch(offset: number, count: number): Promise<number> {
    const result = await warm(this.#native, this.#fd, offset, count)
    // A file that ends early is for the path to find. Some file systems (overlayfs) cannot be asked: there the
    // thread's word is the only one.
    if (result >= 0 || result === -constants.errno.EINTR) this.#note(offset, count)
    return result
  }

  #note(offset: number, count: number): void {
    this.#end = offset + count
    if (this.#toNote !== null) noteResident(this.#toNote, offset, offset + count)
  }
}

let nullDevice = -1

/**
 * Brings the range into memory on a thread of the pool, without copying it: sendfile to the null device goes
 * through the page cache and drops the references. Resolves when that is done, to -errno where it failed.
 */
export function warm(native: Native, fd: number, offset: number, length: number): Promise<number> {
  try {
    // Opened once and kept, by way of Node, which closes it when a worker ends.
    if (nullDevice < 0) nullDevice = openSync(devNull, 'w')
  } catch (error) {
    return Promise.resolve((error as NodeJS.ErrnoException).errno ?? -constants.errno.ENOENT)
  }
  return native.sendfileOffload(nullDevice, fd, offset, length)
}
