/** Hot: the four forms of a request's target (RFC 9112, section 3.2), of which each method allows some. */
import { isAuthority, isHostAndPort } from './authority.js'
import { asciiBytes, COLON, equalsWord, SLASH } from './bytes.js'
import type { RequestHead } from './head.js'
import { CONNECT, OPTIONS } from './method.js'
import { type Refusal, refusals } from './refusal.js'

const ASTERISK = 0x2a
const QUESTION = 0x3f

const http = asciiBytes('http')
const https = asciiBytes('https')

/** Checks the target of a request line that is complete. An absolute target's authority goes into the head. */
export function checkTarget(head: RequestHead, bytes: Uint8Array): Refusal | null {
  const from = head.start + head.targetOffset
  const to = from + head.targetLength
  if (head.method === CONNECT) return isHostAndPort(bytes, from, to) ? null : refusals.targetForm
  if (bytes[from] === SLASH) return null
  if (bytes[from] === ASTERISK && to === from + 1 && head.method === OPTIONS) return null
  const authority = authorityStart(bytes, from, to)
  if (authority === -1) return refusals.targetForm
  let end = authority
  while (end < to && !endsAuthority(bytes[end]!)) end++
  if (!isAuthority(bytes, authority, end)) return refusals.targetHost
  head.authorityOffset = authority - head.start
  head.authorityLength = end - authority
  return null
}

/** What follows `http://` or `https://`; -1 where the target begins with neither. */
function authorityStart(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < http.length + 3 || !equalsWord(bytes, from, http)) return -1
  let at = from + http.length
  if (bytes[at] !== COLON) {
    if (to - from < https.length + 3 || !equalsWord(bytes, from, https)) return -1
    at = from + https.length
  }
  return bytes[at] === COLON && bytes[at + 1] === SLASH && bytes[at + 2] === SLASH ? at + 3 : -1
}

function endsAuthority(byte: number): boolean {
  return byte === SLASH || byte === QUESTION
}
