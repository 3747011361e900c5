/** A whole ClientHello (RFC 8446, section 4.1.2), read for the one extension that says which server is meant. */

const randomBytes = 32
const sessionBytesMax = 32
const SERVER_NAME = 0
const HOST_NAME = 0
const nameBytesMax = 255

/** Letters, digits, hyphens and underscores between dots: what certificates are made out to, and routes are named by. */
const hostName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

/** → the name in small letters, null where there is none, false where the ClientHello is malformed. */
export function serverNameIn(hello: Uint8Array): string | null | false {
  const fields = new Fields(hello)
  const major = fields.number(1)
  fields.skip(1 + randomBytes)
  const session = fields.block(1)
  const suites = fields.block(2)
  const compressions = fields.block(1)
  const wrong =
    fields.broken ||
    major !== 3 ||
    session.length > sessionBytesMax ||
    suites.length < 2 ||
    suites.length % 2 !== 0 ||
    compressions.length === 0
  if (wrong) return false
  // Before TLS 1.3 extensions may be missing altogether.
  if (fields.ended) return null
  const extensions = new Fields(fields.block(2))
  return fields.broken || !fields.ended ? false : nameAmong(extensions)
}

function nameAmong(extensions: Fields): string | null | false {
  let name: string | null = null
  while (!extensions.ended) {
    const type = extensions.number(2)
    const data = extensions.block(2)
    if (extensions.broken) return false
    if (type !== SERVER_NAME) continue
    // Two would let this proxy and the server each believe another one.
    if (name !== null) return false
    name = nameFrom(data)
    if (name === null) return false
  }
  return name
}

/** A list of one name: there is one type of names, and a list has one of each. */
function nameFrom(data: Uint8Array): string | null {
  const fields = new Fields(data)
  const list = new Fields(fields.block(2))
  const type = list.number(1)
  const bytes = list.block(2)
  if (fields.broken || !fields.ended || list.broken || !list.ended || type !== HOST_NAME) return null
  if (bytes.length > nameBytesMax) return null
  // Some clients send the dot that ends a whole name, though it is not to be there.
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .toLowerCase()
    .replace(/\.$/, '')
  return hostName.test(name) ? name : null
}

/** Numbers and counted blocks, one after the other; what reaches beyond the end breaks it, and reads as nothing. */
class Fields {
  readonly #bytes: Uint8Array
  #at = 0
  broken = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length
  }

  number(width: 1 | 2): number {
    const bytes = this.#take(width)
    return width === 1 ? (bytes[0] ?? 0) : ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  }

  /** Bytes behind a number that says how many they are. */
  block(width: 1 | 2): Uint8Array {
    return this.#take(this.number(width))
  }

  skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): Uint8Array {
    const begin = this.#at
    if (this.broken || count > this.#bytes.length - begin) {
      this.broken = true
      return this.#bytes.subarray(0, 0)
    }
    this.#at = begin + count
    return this.#bytes.subarray(begin, begin + count)
  }
}
