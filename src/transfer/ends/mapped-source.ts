/** A mapped file as a source: it is the file itself that is sent, unless a path that only memory has is asked for. */
import { SluiceError } from '../../base/errors.js'
import { MappedFile } from '../../memory/mapped-file.js'
import type { PlanOptions } from '../plan/path.js'
import { type FileSource, file } from './endpoints.js'
import type { MemorySource } from './memory-source.js'

/**
 * The file's range; null where the bytes are no file's, or are to go from memory.
 *
 * @throws ERR_SLUICE_CLOSED, ERR_SLUICE_MAPPING_TRUNCATED
 */
export function fileBehind(source: MemorySource, { prefer }: PlanOptions): FileSource | null {
  const { of, start = 0, end } = source
  if (!(of instanceof MappedFile) || of.fd === null) return null
  if (prefer === 'writev' || prefer === 'zerocopy') return null
  of.check()
  const last = end ?? of.byteLength - 1
  // A range that ends before it begins cannot be named.
  return last < start ? null : file(of.fd, { start: of.start + start, end: of.start + last })
}

/** What a file that is too short says of its mapping. */
export function asTruncation(error: unknown): unknown {
  if (!(error instanceof SluiceError)) return error
  if (error.code !== 'ERR_SLUICE_FILE_SHRANK' && error.code !== 'ERR_SLUICE_RANGE') return error
  const what = 'The mapped file lost some of the bytes that were to be sent'
  const truncation = new SluiceError('ERR_SLUICE_MAPPING_TRUNCATED', what, { cause: error })
  truncation.bytes = error.bytes ?? 0
  return truncation
}
