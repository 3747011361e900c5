/** Hot: the header fields that a file server looks at, as numbers; all others are checked and passed over. */
import { asciiBytes, equalsWord } from './bytes.js'

/** A field that is not looked at. */
export const OTHER = -1
export const HOST = 0
export const CONNECTION = 1
export const RANGE = 2
export const IF_RANGE = 3
export const IF_MATCH = 4
export const IF_NONE_MATCH = 5
export const IF_MODIFIED_SINCE = 6
export const IF_UNMODIFIED_SINCE = 7
export const ACCEPT_ENCODING = 8
export const EXPECT = 9
export const CONTENT_LENGTH = 10
export const TRANSFER_ENCODING = 11
export const USER_AGENT = 12
export const REFERER = 13

/** Names by number, in small letters. */
export const fieldNames: readonly string[] = [
  'host',
  'connection',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'accept-encoding',
  'expect',
  'content-length',
  'transfer-encoding',
  'user-agent',
  'referer',
]

/** Bit n is field n: fields that are not lists (RFC 9110, section 5.3), and so come once or not at all. */
export const singleFields =
  (1 << HOST) |
  (1 << RANGE) |
  (1 << IF_RANGE) |
  (1 << IF_MODIFIED_SINCE) |
  (1 << IF_UNMODIFIED_SINCE) |
  (1 << CONTENT_LENGTH)

const words = fieldNames.map(asciiBytes)
const longest = Math.max(...fieldNames.map(name => name.length))

/** By length and last letter there is at most one field, whose number plus one is here. */
const candidates = new Uint8Array((longest + 1) << 5)
for (const [field, name] of fieldNames.entries()) {
  const place = placeOf(name.length, name.charCodeAt(name.length - 1))
  if (candidates[place] !== 0) throw new Error(`${name} needs a place of its own among the candidates`)
  candidates[place] = field + 1
}

/** The number of the field that `length` bytes name, in letters of any size; there is at least one. */
export function fieldOf(bytes: Uint8Array, from: number, length: number): number {
  if (length > longest) return OTHER
  const field = candidates[placeOf(length, bytes[from + length - 1]!)]! - 1
  return field !== OTHER && equalsWord(bytes, from, words[field]!) ? field : OTHER
}

/** The last five bits of a letter do not depend on its size. */
function placeOf(length: number, last: number): number {
  return (length << 5) | (last & 31)
}
