/** A connection's bytes through our parser, received as a server receives them. */
import { fieldNames } from '#sluice/http/request/field.js'
import { INCOMPLETE, REFUSED, RequestParser } from '#sluice/http/request/parser.js'
import type { Refusal } from '#sluice/http/request/refusal.js'

/** A head as our parser read it. */
export interface OurRequest {
  readonly method: string
  readonly target: string
  readonly minor: number
  readonly keepAlive: boolean
  readonly contentLength: number
  /** By name in small letters: the fields that the parser looks at. */
  readonly headers: Readonly<Record<string, string>>
  /** The head itself. */
  readonly text: string
}

export interface OurReading {
  readonly requests: readonly OurRequest[]
  /** Why what follows them was refused; null where it was not. */
  readonly refusal: Refusal | null
}

/** Where the received bytes lie in memory: anywhere, and not at a multiple of four. */
const offset = 7

/**
 * Reads until the connection is to be closed. Every piece is received behind what is left of the ones before, which
 * moves to other memory first, as it does where a buffer goes back to its ring.
 */
export function readPieces(pieces: readonly Uint8Array[], parser = new RequestParser()): OurReading {
  const requests: OurRequest[] = []
  let left = new Uint8Array(0)
  for (const piece of pieces) {
    const end = offset + left.length + piece.length
    // What lies behind the received bytes is not theirs: here it would complete any head.
    const bytes = Buffer.alloc(end + 8, '\r\n\r\n')
    bytes.set(left, offset)
    bytes.set(piece, offset + left.length)
    let start = offset
    while (start < end) {
      const length = parser.parse(bytes, start, end)
      if (length === REFUSED) return { requests, refusal: parser.refusal }
      if (length === INCOMPLETE) break
      const request = requestOf(parser, bytes.toString('latin1', start, start + length))
      requests.push(request)
      if (!request.keepAlive) return { requests, refusal: null }
      start += length
    }
    left = Uint8Array.from(bytes.subarray(start, end))
  }
  return { requests, refusal: null }
}

function requestOf({ head }: RequestParser, text: string): OurRequest {
  const headers: Record<string, string> = {}
  for (const [field, name] of fieldNames.entries()) {
    const value = head.header(field)
    if (value !== undefined) headers[name] = value
  }
  const { minor, keepAlive, contentLength } = head
  return { method: head.methodName(), target: head.target(), minor, keepAlive, contentLength, headers, text }
}
