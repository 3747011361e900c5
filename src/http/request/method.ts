/** Hot: the methods of RFC 9110, section 9, and PATCH (RFC 5789), as numbers. */
import { asciiBytes } from './bytes.js'

/** A token that is no method known here. */
export const UNKNOWN = 0
export const GET = 1
export const HEAD = 2
export const OPTIONS = 3
export const POST = 4
export const PUT = 5
export const DELETE = 6
export const PATCH = 7
export const TRACE = 8
export const CONNECT = 9

/** Names by number; the first is that of no method. */
export const methodNames: readonly string[] = [
  '',
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'TRACE',
  'CONNECT',
]

const spellings = methodNames.map(asciiBytes)

/** The number of the method that `length` bytes spell; capitals and small letters differ. */
export function methodOf(bytes: Uint8Array, from: number, length: number): number {
  for (let method = GET; method < spellings.length; method++) {
    const spelling = spellings[method]!
    if (spelling.length === length && equals(bytes, from, spelling)) return method
  }
  return UNKNOWN
}

function equals(bytes: Uint8Array, from: number, spelling: Uint8Array): boolean {
  for (let i = 0; i < spelling.length; i++) {
    if (bytes[from + i] !== spelling[i]) return false
  }
  return true
}
