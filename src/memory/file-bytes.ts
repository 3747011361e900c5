/** Where a mapped file's bytes come from: the page cache, or a copy where the file cannot be mapped. */
import { constants as bufferConstants } from 'node:buffer'
import { fstatSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import { errnoName, SluiceError, systemError } from '../base/errors.js'
import { MiB } from '../base/units.js'
import type { Native } from '../native/calls.js'
import { addonMissing, native } from '../native/load.js'
import { pageBytes } from './backing.js'
import { detach } from './detach.js'
import { type MappableFile, openMappable } from './mappable.js'

export interface FileBytes {
  /** The file, for messages. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Where they begin in the file. */
  readonly start: number
  readonly fd: number | null
  /** Why there is no descriptor, as a clause that can follow a colon; empty where there is one. */
  readonly fdMissing: string
  /** Whether some of the bytes are not the file's any more; not after close(). */
  truncated(): boolean
  /** Detaches the bytes, then lets the memory and the descriptor go. */
  close(): void
}

/** A range of a file that openMappable() opened. */
interface OpenRange {
  readonly name: string
  readonly fd: number
  readonly start: number
  readonly length: number
  close(): void
}

/** The most that is copied where a file cannot be mapped: copying stops everything else meanwhile. */
const copiedBytesMax = 64 * MiB

const { ENODEV, ENOSPC, EOPNOTSUPP } = constants.errno
/** What a filesystem answers that has no mappings, and what a runtime does that forbids them. */
const unmappable = [-ENODEV, -EOPNOTSUPP]

/** From `start` to `end`, included; to the file's end where that is undefined. Errors are those of mapFile(). */
export function openFileBytes(file: MappableFile, start: number, end: number | undefined): FileBytes {
  const { name, fd, close } = openMappable(file)
  try {
    const range = { name, fd, start, length: lengthOf({ fd, name, start, end }), close }
    return native === null ? copyRange(range, addonMissing) : mapRange(native, range)
  } catch (error) {
    close()
    throw error
  }
}

interface AskedRange {
  fd: number
  name: string
  start: number
  end: number | undefined
}

function lengthOf({ fd, name, start, end }: AskedRange): number {
  const { size, isFile } = statOf(fd, name)
  if (!isFile) throw new SluiceError('ERR_SLUICE_FILE', `Mapping ${name}: it is not a regular file`)
  if (start > size || (end !== undefined && end >= size)) {
    const asked = end === undefined ? `from byte ${start}` : `bytes ${start} to ${end}`
    throw new SluiceError('ERR_SLUICE_RANGE', `${name} has ${size} bytes; ${asked} were to be mapped`)
  }
  const length = (end === undefined ? size : end + 1) - start
  if (length + pageBytes > bufferConstants.MAX_LENGTH) {
    const what = `Mapping ${length} bytes of ${name}: one ArrayBuffer holds ${bufferConstants.MAX_LENGTH}`
    throw new SluiceError('ERR_SLUICE_MEMORY', what, { remedy: 'Map it in pieces, with start and end.' })
  }
  return length
}

function statOf(fd: number, name: string): { size: number; isFile: boolean } {
  try {
    const stat = fstatSync(fd)
    return { size: stat.size, isFile: stat.isFile() }
  } catch (cause) {
    throw systemError((cause as NodeJS.ErrnoException).errno ?? 0, 'fstat', `Mapping ${name}`, { cause })
  }
}

function mapRange(native: Native, range: OpenRange): FileBytes {
  const { name, fd, start, length, close } = range
  const common = { name, start, fd, fdMissing: '' }
  if (length === 0) return { ...common, bytes: new Uint8Array(0), truncated: () => false, close }
  const lead = start % pageBytes
  const buffer = native.mapPrivate(fd, start - lead, lead + length)
  if (typeof buffer === 'number') {
    if (!unmappable.includes(buffer)) throw systemError(buffer, 'mmap', `Mapping ${name}`)
    return copyRange(range, `mmap failed with ${errnoName(buffer)}`)
  }
  const guarded = native.guard(buffer)
  if (guarded < 0) {
    native.unmap(buffer)
    throw unguarded(guarded, name)
  }
  return {
    ...common,
    bytes: new Uint8Array(buffer, lead, length),
    truncated: () => native.guardTripped(buffer) === 1 || sizeOf(native, fd) < start + length,
    close: () => {
      native.unmap(buffer)
      close()
    },
  }
}

/** 0 where the file cannot be asked any more, such as one of a server that is gone: nobody vouches for its bytes. */
function sizeOf(native: Native, fd: number): number {
  const stat = new Float64Array(8)
  return native.fstat(fd, stat) < 0 ? 0 : stat[1]!
}

function unguarded(errno: number, name: string): SluiceError {
  if (errno !== -ENOSPC) return systemError(errno, 'sigaction', `Mapping ${name}`)
  return new SluiceError('ERR_SLUICE_MEMORY', `Mapping ${name}: too many files are mapped already`, {
    errno,
    remedy: 'Close mappings that are not needed any more.',
  })
}

function copyRange({ name, fd, start, length, close }: OpenRange, why: string): FileBytes {
  if (length > copiedBytesMax) {
    const what = `Mapping ${length} bytes of ${name}, more than the ${copiedBytesMax} that are copied instead: ${why}`
    throw new SluiceError('ERR_SLUICE_ADDON', what)
  }
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const read = readPart(fd, bytes.subarray(done), start + done, name)
    if (read === 0) {
      const what = `${name} ended at byte ${start + done} while bytes up to ${start + length - 1} were copied`
      throw new SluiceError('ERR_SLUICE_MAPPING_TRUNCATED', what)
    }
    done += read
  }
  close()
  return {
    name,
    bytes,
    start,
    fd: null,
    fdMissing: why,
    truncated: () => false,
    close: () => detach(bytes.buffer),
  }
}

function readPart(fd: number, bytes: Uint8Array, position: number, name: string): number {
  try {
    return readSync(fd, bytes, 0, bytes.length, position)
  } catch (cause) {
    throw systemError((cause as NodeJS.ErrnoException).errno ?? 0, 'read', `Mapping ${name}`, { cause })
  }
}
