/** The framing of several ranges in one response: multipart/byteranges (RFC 9110, section 14.6). */
import { randomBytes } from 'node:crypto'
import type { ByteRange } from './range.js'

export interface Multipart {
  readonly contentType: string
  /** Bytes of the whole body: ranges and framing. */
  readonly contentLength: number
  /** What goes before each range. */
  readonly heads: readonly string[]
  /** What goes after the last. */
  readonly trailer: string
}

/** The framing of `ranges` of a file of `size` bytes and type `contentType`. */
export function frameRanges(ranges: readonly ByteRange[], size: number, contentType: string): Multipart {
  // 144 random bits: no file has it by accident, and nobody can prepare one that has.
  const boundary = randomBytes(18).toString('hex')
  const heads = ranges.map(
    ({ start, end }, index) =>
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${contentType}\r\n` +
      `Content-Range: bytes ${start}-${end}/${size}\r\n\r\n`,
  )
  const trailer = `\r\n--${boundary}--\r\n`
  let contentLength = trailer.length
  ranges.forEach(({ start, end }, index) => {
    contentLength += Buffer.byteLength(heads[index]!, 'latin1') + end - start + 1
  })
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, heads, trailer }
}
