/**
 * The header that a proxy puts before what a client sends, so that the server knows who that client is: the PROXY
 * protocol of HAProxy, versions 1 and 2. What is malformed ends the connection: nothing after it can be told apart.
 */
import { readBinaryHeader, signature, writeBinaryHeader, writeLocalHeader } from './proxy-header-binary.js'
import { readTextHeader, textPrefix, writeTextHeader } from './proxy-header-text.js'
import type { ProxyHeaderEnds, ProxyHeaderReading } from './proxy-header-types.js'

export { proxyHeaderBytesMax } from './proxy-header-binary.js'

/** Reads the header at the beginning of `bytes`, of which the first `length` have arrived. */
export function readProxyHeader(bytes: Uint8Array, length = bytes.length): ProxyHeaderReading {
  if (length === 0) return 'incomplete'
  if (bytes[0] === textPrefix[0]) return readTextHeader(bytes, length)
  return bytes[0] === signature[0] ? readBinaryHeader(bytes, length) : 'malformed'
}

export function writeProxyHeader(version: 1 | 2, ends: ProxyHeaderEnds): Uint8Array {
  return version === 1 ? writeTextHeader(ends) : writeBinaryHeader(ends)
}

/** For a connection of the proxy's own. Version 1 can only say that it is unknown whose it is. */
export function writeOwnHeader(version: 1 | 2): Uint8Array {
  return version === 1 ? writeTextHeader({ source: null, destination: null }) : writeLocalHeader()
}
