/** The Range header (RFC 9110, section 14). */
import { listItems } from './list.js'

/** Bytes of a file, both ends included, as HTTP counts them. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * How many ranges one request may ask for; one with more gets the whole file. It bounds the parts of an answer: as
 * ranges that overlap are joined, an answer is never longer than the file and this many part headers.
 */
export const rangesMax = 32

const unit = /^bytes=/i
const rangeSpec = /^(?:(\d+)-(\d*)|-(\d+))$/

/**
 * The ranges of a file of `size` bytes, in the order asked for, those that overlap joined into one. Null where the
 * header is to be ignored (no header, another unit, malformed, too many); empty where none can be satisfied, so that
 * the answer is 416.
 */
export function parseRange(header: string | undefined, size: number): readonly ByteRange[] | null {
  if (header === undefined || !unit.test(header)) return null
  const specs = listItems(header.slice(6))
  if (specs.length === 0 || specs.length > rangesMax) return null
  const ranges: ByteRange[] = []
  let suffixOfNothing = false
  for (const spec of specs) {
    const match = rangeSpec.exec(spec)
    if (match === null) return null
    const [, first, last, suffix] = match
    if (suffix !== undefined) {
      const length = Number(suffix)
      // The last bytes of an empty file are satisfiable, and yet no Content-Range can say which they are.
      if (size === 0 && length > 0) suffixOfNothing = true
      else if (length > 0) join(ranges, Math.max(size - length, 0), size - 1)
    } else {
      const start = Number(first)
      const end = last === '' ? Infinity : Number(last)
      if (end < start) return null
      if (start < size) join(ranges, start, Math.min(end, size - 1))
    }
  }
  return suffixOfNothing ? null : ranges
}

/** Adds a range; those it overlaps become part of it, in the place of the first of them. */
function join(ranges: ByteRange[], start: number, end: number): void {
  let place = ranges.length
  for (let i = ranges.length - 1; i >= 0; i--) {
    const other = ranges[i]!
    if (other.start > end || start > other.end) continue
    start = Math.min(start, other.start)
    end = Math.max(end, other.end)
    ranges.splice(i, 1)
    place = i
  }
  ranges.splice(place, 0, { start, end })
}
