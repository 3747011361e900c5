/** Opening the source of a transfer: a descriptor of our own, and which bytes of it. */
import { close, constants as fsConstants, fstat, open } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SluiceError, systemError } from '../base/errors.js'
import { show } from '../base/options.js'
import { native } from '../native/load.js'
import { AT_FDCWD, openCached, readFlags } from '../native/open.js'
import type { FileSource } from './endpoints.js'

export interface OpenedSource {
  readonly fd: number
  /** Whether it has positions and a length: a pipe or a device has neither. */
  readonly regular: boolean
  readonly start: number
  /** Number of bytes; null for what is not regular and was given no end. */
  readonly length: number | null
  close(): void
}

const openByName = promisify(open)
const statDescriptor = promisify(fstat)

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
    return { fd, regular, ...pickRange(source, regular, size), close: closeIt }
  } catch (error) {
    closeIt()
    throw error
  }
}

function pickRange(
  { from, start = 0, end }: FileSource,
  regular: boolean,
  size: number,
): { start: number; length: number | null } {
  if (!regular) return { start, length: end === undefined ? null : end - start + 1 }
  if (start > size || (end !== undefined && end >= size)) {
    const asked = end === undefined ? `from byte ${start}` : `bytes ${start} to ${end}`
    throw new SluiceError('ERR_SLUICE_RANGE', `${nameOf(from)} has ${size} bytes; ${asked} were asked for`)
  }
  return { start, length: (end === undefined ? size : end + 1) - start }
}

async function openDescriptor(from: FileSource['from']): Promise<{ fd: number; close: () => void }> {
  if (typeof from === 'string' || from instanceof Uint8Array || from instanceof URL) {
    const fd = await openName(from)
    return { fd, close: () => close(fd) }
  }
  const fd = typeof from === 'number' ? from : from.fd
  if (native === null) return { fd, close: () => {} }
  const own = native.dup(fd)
  if (own < 0) throw systemError(own, 'fcntl(F_DUPFD_CLOEXEC)', `Using ${nameOf(from)}`)
  return { fd: own, close: () => void native?.close(own) }
}

async function openName(name: string | Uint8Array | URL): Promise<number> {
  const path = name instanceof URL ? fileURLToPath(name) : name
  const fd = await openCached(AT_FDCWD, path, readFlags, 0)
  if (fd >= 0) return fd
  const unsupported =
    fd === -constants.errno.ENOSYS || fd === -constants.errno.EPERM || fd === -constants.errno.EINVAL
  if (!unsupported) throw systemError(fd, 'openat2', `Opening ${nameOf(name)}`)
  try {
    return await openByName(path as string, fsConstants.O_RDONLY | (fsConstants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw systemError((cause as NodeJS.ErrnoException).errno ?? 0, 'open', `Opening ${nameOf(name)}`, {
      cause,
    })
  }
}

function nameOf(from: FileSource['from']): string {
  if (typeof from === 'string') return show(from)
  if (from instanceof URL) return show(from.href)
  if (from instanceof Uint8Array) return show(Buffer.from(from).toString())
  return `descriptor ${typeof from === 'number' ? from : from.fd}`
}
