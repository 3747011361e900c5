/** Opening the source of a transfer: a descriptor of our own, and which bytes of it. */
import { close, constants as fsConstants, fstat, fstatSync, open, openSync, read } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { SluiceError, systemError } from '../../base/errors.js'
import { show } from '../../base/options.js'
import { native } from '../../native/load.js'
import { AT_FDCWD, openCached, readFlags } from '../../native/open.js'
import { closerOf } from '../../native/own.js'
import type { FileSource } from './endpoints.js'
import { unblockShared } from './non-blocking.js'

export interface OpenedSource {
  readonly fd: number
  /** Whether it has positions and a length: a pipe or a device has neither. */
  readonly regular: boolean
  readonly start: number
  /** Number of bytes; null where the file does not say and no end was given. */
  readonly length: number | null
  close(): void
}

/** linux/limits.h: what a name's bytes must be fewer than. */
const pathBytesMax = 4096

const openByName = promisify(open)
const statDescriptor = promisify(fstat)
const readBytes = promisify(read)

/**
 * Opens the file, or takes a duplicate of what is open, so that the caller may close its own at any time.
 *
 * @throws ERR_SLUICE_FILE where it cannot be opened, ERR_SLUICE_RANGE where it has not the bytes asked for
 */
export async function openSource(source: FileSource): Promise<OpenedSource> {
  const { fd, close: closeIt } = await openDescriptor(source.from)
  try {
    const { size, mode } = await statDescriptor(fd)
    const type = mode & fsConstants.S_IFMT
    if (type === fsConstants.S_IFDIR) {
      throw systemError(-constants.errno.EISDIR, 'read', `Reading ${nameOf(source.from)}`)
    }
    const regular = type === fsConstants.S_IFREG
    const range = pickRange(source, regular, size)
    if (regular && size === 0 && source.end === undefined && (await hasBytes(fd))) range.length = null
    const putBack = regular ? () => {} : unblock(fd)
    const closeAll = (): void => {
      putBack()
      closeIt()
    }
    return { fd, regular, ...range, close: closeAll }
  } catch (error) {
    closeIt()
    if (error instanceof SluiceError) throw error
    throw failure(error, 'fstat', `Using ${nameOf(source.from)}`)
  }
}

/**
 * A pipe that is silent would hold a thread, and with it the transfer, whatever else ends that → what puts the flag
 * back: it is the open file's, so the caller's descriptor has it too.
 */
export function unblock(fd: number): () => void {
  return native === null ? () => {} : unblockShared(native, fd)
}

/** The files of procfs say that they are empty, and are not. */
async function hasBytes(fd: number): Promise<boolean> {
  const { bytesRead } = await readBytes(fd, Buffer.alloc(1), 0, 1, 0)
  return bytesRead > 0
}

function pickRange(
  { from, start = 0, end }: FileSource,
  regular: boolean,
  size: number,
): { start: number; length: number | null } {
  if (!regular) {
    if (start > 0) {
      const what = `${nameOf(from)} is not a regular file, so it is read from where it stands; start was ${start}`
      throw new SluiceError('ERR_SLUICE_RANGE', what)
    }
    return { start, length: end === undefined ? null : end + 1 }
  }
  if (start > size || (end !== undefined && end >= size)) {
    const asked = end === undefined ? `from byte ${start}` : `bytes ${start} to ${end}`
    throw new SluiceError('ERR_SLUICE_RANGE', `${nameOf(from)} has ${size} bytes; ${asked} were asked for`)
  }
  return { start, length: (end === undefined ? size : end + 1) - start }
}

async function openDescriptor(from: FileSource['from']): Promise<{ fd: number; close: () => void }> {
  if (typeof from === 'string' || from instanceof Uint8Array || from instanceof URL) {
    const fd = await openName(from)
    // Closing may wait for the file's server, so a thread does it; where the addon owns it, it does.
    return { fd, close: native === null || isMainThread ? () => close(fd) : closerOf(native, fd) }
  }
  const fd = typeof from === 'number' ? from : from.fd
  if (fd < 0) throw new SluiceError('ERR_SLUICE_CLOSED', 'The FileHandle was closed before')
  if (native === null) return reopen(from, fd)
  const own = native.dup(fd)
  if (own < 0) throw systemError(own, 'fcntl(F_DUPFD_CLOEXEC)', `Using ${nameOf(from)}`)
  return { fd: own, close: closerOf(native, own) }
}

/** What stands in for a duplicate where there is no addon: a regular file can be opened once more by its descriptor. */
function reopen(from: FileSource['from'], fd: number): { fd: number; close: () => void } {
  try {
    if (!fstatSync(fd).isFile()) return { fd, close: () => {} }
  } catch (error) {
    throw failure(error, 'fstat', `Using ${nameOf(from)}`)
  }
  try {
    const own = openSync(`/dev/fd/${fd}`, 'r')
    return { fd: own, close: () => close(own) }
  } catch {
    return { fd, close: () => {} } // There is no such name, or it is not ours to read by name.
  }
}

async function openName(name: string | Uint8Array | URL): Promise<number> {
  const path = name instanceof URL ? pathOf(name) : name
  const what = `Opening ${nameOf(name)}`
  checkName(path, what)
  const fd = await openCached(AT_FDCWD, path, readFlags, 0)
  if (fd >= 0) return fd
  const unsupported =
    fd === -constants.errno.ENOSYS || fd === -constants.errno.EPERM || fd === -constants.errno.EINVAL
  if (!unsupported) throw systemError(fd, 'openat2', what)
  // What the addon closes it must have opened: Node closes what a worker opened when the worker ends, once more.
  if (native !== null) {
    const opened = await native.openOffload(path, readFlags)
    if (opened < 0) throw systemError(opened, 'open', what)
    return opened
  }
  try {
    return await openByName(path as string, fsConstants.O_RDONLY | (fsConstants.O_NONBLOCK ?? 0))
  } catch (error) {
    throw failure(error, 'open', what)
  }
}

export function pathOf(url: URL): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new SluiceError('ERR_SLUICE_OPTION', `${show(url.href)} does not name a local file`, { cause })
  }
}

/** What the kernel could not be asked about. */
export function checkName(path: string | Uint8Array, what: string): void {
  if (typeof path === 'string' ? path.includes('\0') : path.includes(0)) {
    throw new SluiceError('ERR_SLUICE_FILE', `${what}: a name cannot have NUL in it`)
  }
  if (Buffer.byteLength(path) >= pathBytesMax) throw systemError(-constants.errno.ENAMETOOLONG, 'open', what)
}

export function failure(error: unknown, syscall: string, what: string): SluiceError {
  return systemError((error as NodeJS.ErrnoException).errno ?? 0, syscall, what, { cause: error })
}

export function nameOf(from: FileSource['from']): string {
  if (typeof from === 'string') return show(from)
  if (from instanceof URL) return show(from.href)
  if (from instanceof Uint8Array) return show(Buffer.from(from).toString())
  return `descriptor ${typeof from === 'number' ? from : from.fd}`
}
