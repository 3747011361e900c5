/**
 * A file or directory that was found and is held by a descriptor, which must be closed. It may be held without being
 * open for reading (O_PATH): that is enough for its metadata, and all that HEAD and 304 need.
 */
import {
  accessSync,
  closeSync,
  close as closeWithoutWaiting,
  constants as fsConstants,
  fstatSync,
  open,
  openSync,
} from 'node:fs'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { MiB } from '../base/units.js'
import { native } from '../native/load.js'
import { readFlags } from '../native/open.js'
import type { Version } from './validator.js'

/** What a file is opened for: its metadata alone, or its bytes as well. */
export type Purpose = 'look' | 'read'

/** Opening to look, where the system can; the number is the same on all of Linux's architectures that Node runs on. */
export const O_PATH = process.platform === 'linux' ? 0o10000000 : fsConstants.O_RDONLY

/** Opening to read without ever waiting: a FIFO opens at once, a terminal does not become ours. */
export const readOnly = fsConstants.O_RDONLY | fsConstants.O_NONBLOCK | (fsConstants.O_NOCTTY ?? 0)

/** The last close of a file that was unlinked meanwhile frees its blocks: for a large one, not on the event loop. */
const quickCloseBytes = 64 * MiB

const openAsync = promisify(open)
const readableByAll = 0o444
const { S_IFMT, S_IFREG, S_IFDIR } = fsConstants
/** The fields of `fstat` in native/file.c, read by every call and taken out before the next. */
const fields = new Float64Array(8)

export class Opened implements Version {
  readonly isDirectory: boolean
  readonly mode: number
  /** Bytes. */
  readonly size: number
  readonly mtimeSeconds: number
  readonly mtimeNanoseconds: number
  readonly ctimeSeconds: number
  readonly ctimeNanoseconds: number
  readonly inode: number
  readonly device: number
  #fd: number
  #purpose: Purpose

  private constructor(fd: number, purpose: Purpose) {
    this.#fd = fd
    this.#purpose = purpose
    this.mode = fields[0]!
    this.size = fields[1]!
    this.mtimeSeconds = fields[2]!
    this.mtimeNanoseconds = fields[3]!
    this.inode = fields[4]!
    this.device = fields[5]!
    this.ctimeSeconds = fields[6]!
    this.ctimeNanoseconds = fields[7]!
    this.isDirectory = (this.mode & S_IFMT) === S_IFDIR
  }

  /**
   * Takes over a descriptor → what it holds. All but files and directories are -ENXIO, and a file to look at that could
   * not be read is -EACCES, as it would be when read; the descriptor is closed then.
   */
  static from(fd: number, purpose: Purpose): Opened | number {
    let result = readFields(fd)
    const mode = fields[0]!
    const type = mode & S_IFMT
    if (result === 0 && type !== S_IFREG && type !== S_IFDIR) result = -constants.errno.ENXIO
    if (result === 0 && type === S_IFREG && purpose === 'look' && !mayRead(fd, mode)) {
      result = -constants.errno.EACCES
    }
    if (result === 0) return new Opened(fd, purpose)
    closeDescriptor(fd)
    return result
  }

  get fd(): number {
    return this.#fd
  }

  get mtimeMs(): number {
    return this.mtimeSeconds * 1000 + this.mtimeNanoseconds / 1e6
  }

  /** Opens the very same file for reading, whatever its name means by now → 0, or -errno. */
  openBody(): number {
    if (this.#purpose === 'read') return 0
    const fd = openForReading(magicLink(this.#fd))
    if (fd < 0) return fd
    closeDescriptor(this.#fd)
    this.#fd = fd
    this.#purpose = 'read'
    return 0
  }

  /** Whether nobody has written to the file since it was opened. That it was renamed or unlinked does not count. */
  unchanged(): boolean {
    return (
      readFields(this.#fd) === 0 &&
      fields[1] === this.size &&
      fields[2] === this.mtimeSeconds &&
      fields[3] === this.mtimeNanoseconds
    )
  }

  /** Nothing may use the descriptor any more. */
  close(): void {
    const fd = this.#fd
    if (fd === -1) return
    this.#fd = -1
    if (this.size <= quickCloseBytes || this.#purpose === 'look') closeDescriptor(fd)
    else if (native !== null) void native.closeOffload(fd)
    else closeWithoutWaiting(fd, () => {})
  }
}

/**
 * Opens a file on a thread → a descriptor for closeDescriptor, or -errno. Where there is an addon it must have opened
 * what it closes: Node closes what a worker opened through `node:fs` once more when the worker ends, whoever has the
 * number by then.
 */
export async function openDescriptor(path: string | Buffer, flags: number): Promise<number> {
  if (native !== null) return native.openOffload(path, flags | native.O_CLOEXEC)
  try {
    return await openAsync(path, flags)
  } catch (error) {
    return errnoOf(error)
  }
}

export function closeDescriptor(fd: number): void {
  if (native !== null) native.close(fd)
  else closeSync(fd)
}

/** The error number, negative, of what one of Node's own calls threw. */
export function errnoOf(error: unknown): number {
  return (error as NodeJS.ErrnoException).errno ?? -constants.errno.EIO
}

/** The link by which the kernel opens again what a descriptor holds (proc(5)). */
function magicLink(fd: number): string {
  return `/proc/self/fd/${fd}`
}

function mayRead(fd: number, mode: number): boolean {
  if ((mode & readableByAll) === readableByAll) return true
  try {
    accessSync(magicLink(fd), fsConstants.R_OK)
    return true
  } catch {
    return false
  }
}

function openForReading(path: string): number {
  if (native !== null) return native.open(path, readFlags)
  try {
    return openSync(path, readOnly)
  } catch (error) {
    return errnoOf(error)
  }
}

/** Fills `fields` → 0, or -errno. */
function readFields(fd: number): number {
  if (native !== null) return native.fstat(fd, fields)
  try {
    const stat = fstatSync(fd, { bigint: true })
    fields[0] = Number(stat.mode)
    fields[1] = Number(stat.size)
    setTime(2, stat.mtimeNs)
    fields[4] = Number(stat.ino)
    fields[5] = Number(stat.dev)
    setTime(6, stat.ctimeNs)
    return 0
  } catch (error) {
    return errnoOf(error)
  }
}

/** Seconds and nanoseconds, the latter from 0 up also before 1970. */
function setTime(index: number, nanoseconds: bigint): void {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  fields[index] = Number((nanoseconds - fraction) / 1_000_000_000n)
  fields[index + 1] = Number(fraction)
}
