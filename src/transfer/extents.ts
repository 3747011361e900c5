/** Where a file has data, and where it has holes, which read as zeros and take no room: lseek(2). */
import { constants } from 'node:os'
import type { Native } from '../native/calls.js'

export interface Extent {
  /** First byte of data. */
  readonly start: number
  /** The byte after the last. */
  readonly end: number
}

/**
 * The first data at or after `offset`, or null where there is only a hole up to the end. A file system that does not
 * tell has data everywhere. Moves the position of the open file.
 */
export async function nextData(native: Native, fd: number, offset: number): Promise<Extent | null> {
  const start = await native.lseekOffload(fd, offset, native.SEEK_DATA)
  if (start === -constants.errno.ENXIO) return null
  if (start < 0) return { start: offset, end: Number.POSITIVE_INFINITY }
  const end = await native.lseekOffload(fd, start, native.SEEK_HOLE)
  return { start, end: end < 0 ? Number.POSITIVE_INFINITY : end }
}
