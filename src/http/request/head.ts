/**
 * Hot: what a request's head says, as numbers: where things are in the bytes that were received. Strings are made
 * when they are asked for; nothing else is allocated.
 *
 * Offsets count from the head's first byte, so that they stay right where the bytes are moved between two calls of
 * the parser. They and the strings hold as long as the bytes stay as they were at the last call.
 */
import { isSpace } from './bytes.js'
import { fieldNames, HOST } from './field.js'
import { methodNames, UNKNOWN } from './method.js'

const nothing = Buffer.alloc(0)

export class RequestHead {
  /** Where the head begins in the bytes. */
  start = 0
  /** Its bytes when it is complete, with the empty lines before it and the one that ends it; 0 before that. */
  length = 0
  /** A number of `method.ts`. */
  method = UNKNOWN
  targetOffset = 0
  targetLength = 0
  /** 0 or 1: the minor version. Later ones than HTTP/1.1 are taken for it (RFC 9110, section 2.5). */
  minor = 0
  /** Whether another request may follow on the connection. It may not where content follows, which is not read. */
  keepAlive = false
  /** Bytes of content that are announced. */
  contentLength = 0
  /** The host and port within a target in absolute form; other targets have no such length. */
  authorityOffset = 0
  authorityLength = 0
  /** The options of Connection, as bits of `connection.ts`. */
  connection = 0
  /** Where the first field begins. */
  fieldsOffset = 0
  /** Bit n: the head has field n. */
  present = 0
  /** Bit n: it has field n on more than one line. */
  repeated = 0
  /** Offset and length, by turns, of the value of each field that is present: of its first line. */
  readonly ranges = new Int32Array(2 * fieldNames.length)
  #bytes: Uint8Array = nothing
  /** The same bytes, for strings; made when the first string is asked for. */
  #text: Buffer | null = null

  /** Says where the head is now. */
  place(bytes: Uint8Array, start: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#text = null
    }
    this.start = start
  }

  /** Forgets the head before. */
  clear(): void {
    this.length = 0
    this.method = UNKNOWN
    this.keepAlive = false
    this.contentLength = 0
    this.authorityLength = 0
    this.connection = 0
    this.present = 0
    this.repeated = 0
  }

  has(field: number): boolean {
    return (this.present & (1 << field)) !== 0
  }

  methodName(): string {
    return methodNames[this.method]!
  }

  /** The target as it was sent. */
  target(): string {
    return this.#slice(this.targetOffset, this.targetLength)
  }

  /**
   * A field's value, one character a byte; undefined where there is none. The lines of a list are joined by commas.
   * The host of a target in absolute form takes the place of Host (RFC 9112, section 3.2.2).
   */
  header(field: number): string | undefined {
    if (field === HOST && this.authorityLength > 0) {
      return this.#slice(this.authorityOffset, this.authorityLength)
    }
    const bit = 1 << field
    if ((this.present & bit) === 0) return undefined
    if ((this.repeated & bit) !== 0) return this.#joined(fieldNames[field]!)
    return this.#slice(this.ranges[2 * field]!, this.ranges[2 * field + 1]!)
  }

  /** The values of all lines of a field, of a head that is complete. */
  #joined(name: string): string {
    const values: string[] = []
    for (const line of this.#slice(this.fieldsOffset, this.length - this.fieldsOffset).split('\r\n')) {
      const colon = line.indexOf(':')
      if (line.slice(0, colon).toLowerCase() !== name) continue
      values.push(withoutSpace(line, colon + 1))
    }
    return values.join(', ')
  }

  #slice(offset: number, length: number): string {
    if (this.#text === null) {
      const { buffer, byteOffset, byteLength } = this.#bytes
      this.#text = Buffer.from(buffer, byteOffset, byteLength)
    }
    const from = this.start + offset
    return this.#text.toString('latin1', from, from + length)
  }
}

/** A line from `from` on, without the space around it; trim() would take more for space than HTTP does. */
function withoutSpace(line: string, from: number): string {
  let to = line.length
  while (from < to && isSpace(line.charCodeAt(from))) from++
  while (from < to && isSpace(line.charCodeAt(to - 1))) to--
  return line.slice(from, to)
}
