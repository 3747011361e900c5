/** A file that is source and sink at once: its bytes must not be written over before they are read. */
import { SluiceError } from '../../base/errors.js'

export interface SameFile {
  readonly name: string
  /** Whether it is emptied first. */
  readonly emptied: boolean
  /** First byte read. */
  readonly from: number
  /** First byte written. */
  readonly to: number
  /** Number of bytes. */
  readonly length: number
}

/** @throws ERR_SLUICE_OPTION where bytes would be lost before they are read */
export function checkSameFile({ name, emptied, from, to, length }: SameFile): void {
  if (emptied) {
    throw new SluiceError('ERR_SLUICE_OPTION', `${name} is the source as well, and would be emptied first`, {
      remedy: "Write another file, or with flags 'r+' to bytes that are not read.",
    })
  }
  if (from >= to + length || to >= from + length) return
  const ranges = `bytes ${from} to ${from + length - 1}, which are read, and ${to} to ${to + length - 1} overlap`
  throw new SluiceError('ERR_SLUICE_OPTION', `${name} is the source as well: ${ranges}`, {
    remedy: 'Choose ranges that do not overlap, or another file.',
  })
}
