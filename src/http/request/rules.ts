/** Hot: what a head's fields say about the request itself, and which of them, alone or together, are refused. */
import { isAuthority } from './authority.js'
import { asciiBytes, equalsWord } from './bytes.js'
import { CLOSE, connectionOptions, KEEP_ALIVE } from './connection.js'
import { CONNECTION, CONTENT_LENGTH, EXPECT, HOST, singleFields, TRANSFER_ENCODING } from './field.js'
import type { RequestHead } from './head.js'
import { CONNECT, GET, HEAD } from './method.js'
import { type Refusal, refusals } from './refusal.js'

/** More digits than these are not counted; a number of so many is exact. */
const lengthDigitsMax = 15

const wordContinue = asciiBytes('100-continue')

/** Fields that are more to the parser than bytes to hand on. */
const looksAt =
  (1 << HOST) | (1 << CONNECTION) | (1 << EXPECT) | (1 << CONTENT_LENGTH) | (1 << TRANSFER_ENCODING)

/** Takes one line of a field that is known into the head; the value's bytes go from `from` to `to`. */
export function takeField(
  head: RequestHead,
  bytes: Uint8Array,
  field: number,
  from: number,
  to: number,
): Refusal | null {
  const bit = 1 << field
  if ((head.present & bit) !== 0) {
    if ((singleFields & bit) !== 0) return repetition(field)
    head.repeated |= bit
  } else {
    head.present |= bit
    head.ranges[2 * field] = from - head.start
    head.ranges[2 * field + 1] = to - from
  }
  return (looksAt & bit) === 0 ? null : lookAt(head, bytes, field, from, to)
}

/** Checks what only the whole head tells, and decides whether the connection stays. */
export function checkHead(head: RequestHead): Refusal | null {
  if (head.minor > 0 && !head.has(HOST)) return refusals.hostMissing
  if (head.has(TRANSFER_ENCODING)) {
    if (head.has(CONTENT_LENGTH)) return refusals.codingAndLength
    return head.minor > 0 ? refusals.codingUnknown : refusals.codingInOldVersion
  }
  const content = head.contentLength > 0
  if (content && (head.method === GET || head.method === HEAD)) return refusals.content
  const { connection } = head
  const stays = head.minor > 0 || (connection & KEEP_ALIVE) !== 0
  // What follows CONNECT may be meant for the other end of a tunnel.
  head.keepAlive = stays && (connection & CLOSE) === 0 && !content && head.method !== CONNECT
  return null
}

function repetition(field: number): Refusal {
  if (field === HOST) return refusals.hostRepeated
  return field === CONTENT_LENGTH ? refusals.contentLengthRepeated : refusals.repeated
}

function lookAt(
  head: RequestHead,
  bytes: Uint8Array,
  field: number,
  from: number,
  to: number,
): Refusal | null {
  switch (field) {
    case HOST:
      // Empty where the client's URL has no host (RFC 9112, section 3.2).
      return from === to || isAuthority(bytes, from, to) ? null : refusals.host
    case CONNECTION:
      head.connection |= connectionOptions(bytes, from, to)
      return null
    case EXPECT: {
      const known = to - from === wordContinue.length && equalsWord(bytes, from, wordContinue)
      return known ? null : refusals.expectation
    }
    case CONTENT_LENGTH:
      return takeContentLength(head, bytes, from, to)
    default:
      // Transfer-Encoding: its presence alone matters.
      return null
  }
}

function takeContentLength(head: RequestHead, bytes: Uint8Array, from: number, to: number): Refusal | null {
  if (from === to) return refusals.contentLength
  let length = 0
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return refusals.contentLength
    length = length * 10 + digit
  }
  if (to - from > lengthDigitsMax) return refusals.contentTooLarge
  head.contentLength = length
  return null
}
