/** Hot: the Connection field (RFC 9110, section 7.6.1), of which a server without upgrades knows two options. */
import { asciiBytes, COMMA, equalsWord, isSpace } from './bytes.js'

export const CLOSE = 1
export const KEEP_ALIVE = 2

const close = asciiBytes('close')
const keepAlive = asciiBytes('keep-alive')

/** Which of the two options a field's value lists, as bits. */
export function connectionOptions(bytes: Uint8Array, from: number, to: number): number {
  let options = 0
  let at = from
  while (at < to) {
    let end = at
    while (end < to && bytes[end] !== COMMA) end++
    options |= optionOf(bytes, at, end)
    at = end + 1
  }
  return options
}

/** The option between two commas, without the space around it. */
function optionOf(bytes: Uint8Array, from: number, to: number): number {
  while (from < to && isSpace(bytes[from]!)) from++
  while (from < to && isSpace(bytes[to - 1]!)) to--
  const length = to - from
  if (length === keepAlive.length && equalsWord(bytes, from, keepAlive)) return KEEP_ALIVE
  return length === close.length && equalsWord(bytes, from, close) ? CLOSE : 0
}
