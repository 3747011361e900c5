/** Opening a file that is to be mapped: a descriptor of our own, and what to call the file in messages. */
import { closeSync, constants as fsConstants, openSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { SluiceError, systemError } from '../base/errors.js'
import { show } from '../base/options.js'
import { native } from '../native/load.js'
import { readFlags } from '../native/open.js'

/** A name, an open handle, or a descriptor. */
export type MappableFile = string | Uint8Array | URL | FileHandle | number

interface Opened {
  /** The file, for messages. */
  readonly name: string
  /** Ours; without the addon it may be the caller's, which `close` leaves open. */
  readonly fd: number
  close(): void
}

/** linux/limits.h: what a name's bytes must be fewer than. */
const pathBytesMax = 4096

/** Errors are those of mapFile(). */
export function openMappable(file: MappableFile): Opened {
  const name = nameOf(file)
  if (typeof file === 'string' || file instanceof Uint8Array || file instanceof URL) {
    return own(openByName(file, name), name)
  }
  const fd = typeof file === 'number' ? file : file.fd
  if (fd < 0) throw new SluiceError('ERR_SLUICE_CLOSED', `Mapping ${name}: the FileHandle was closed before`)
  if (native === null) return { name, fd, close: () => {} } // Only read from, before mapFile() returns.
  const duplicate = native.dup(fd)
  if (duplicate < 0) throw systemError(duplicate, 'fcntl(F_DUPFD_CLOEXEC)', `Mapping ${name}`)
  return own(duplicate, name)
}

/**
 * With the addon a descriptor goes also when nobody closes it, or its worker is terminated. The addon must have made
 * it: Node closes what a worker opened through `node:fs` when the worker ends, whoever has the number by then.
 */
function own(fd: number, name: string): Opened {
  if (native === null) return { name, fd, close: () => closeSync(fd) }
  const addon = native
  const owner = addon.ownDescriptor(fd)
  if (typeof owner === 'number') throw systemError(owner, 'malloc', `Mapping ${name}`)
  return { name, fd, close: () => void addon.closeOwned(owner) }
}

function openByName(file: string | Uint8Array | URL, name: string): number {
  const path = pathOf(file, name)
  if (native !== null) {
    const fd = native.open(path, readFlags)
    if (fd < 0) throw systemError(fd, 'open', `Mapping ${name}`)
    return fd
  }
  try {
    // A FIFO opens at once instead of waiting for a writer; it is refused afterwards.
    return openSync(path, fsConstants.O_RDONLY | (fsConstants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw systemError((cause as NodeJS.ErrnoException).errno ?? 0, 'open', `Mapping ${name}`, { cause })
  }
}

function pathOf(file: string | Uint8Array | URL, name: string): string | Buffer {
  const path = file instanceof URL ? urlPath(file, name) : typeof file === 'string' ? file : Buffer.from(file)
  if (path.includes('\0')) {
    throw new SluiceError('ERR_SLUICE_FILE', `Mapping ${name}: a name cannot have NUL in it`)
  }
  if (Buffer.byteLength(path) >= pathBytesMax) {
    throw systemError(-constants.errno.ENAMETOOLONG, 'open', `Mapping ${name}`)
  }
  return path
}

function urlPath(url: URL, name: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new SluiceError('ERR_SLUICE_OPTION', `${name} does not name a local file`, { cause })
  }
}

function nameOf(file: MappableFile): string {
  if (typeof file === 'string') return show(file)
  if (file instanceof URL) return show(file.href)
  if (file instanceof Uint8Array) return show(Buffer.from(file).toString())
  if (typeof file === 'number' && Number.isInteger(file) && file >= 0) return `descriptor ${file}`
  if (typeof file === 'object' && typeof file?.fd === 'number') return `descriptor ${file.fd}`
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `mapFile() takes a name, a FileHandle or a descriptor, not ${show(file)}`,
  )
}
