/**
 * Version 2 of the PROXY protocol: a signature, the command, the family, and a block of addresses behind which anything
 * may follow as types, lengths and values, all of which is skipped.
 */
import { KiB } from '../base/units.js'
import { ipv6Text, ipv6Words, unixPathBytesMax } from '../native/socket-address.js'
import type { SocketAddress, UnixAddress } from './address.js'
import { internetEnds } from './internet-ends.js'
import type { ProxyHeaderEnds, ProxyHeaderReading } from './proxy-header-types.js'

export const signature = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10)
const versionAt = 12
const familyAt = 13
const lengthAt = 14
const blockAt = 16

/** A header's length is 16 bits; more than this, no certificate or name in it needs. */
export const proxyHeaderBytesMax = 4 * KiB

const version = 2
const LOCAL = 0
const PROXY = 1

const UNSPEC = 0
const INET = 1
const INET6 = 2
const UNIX = 3
const STREAM = 1
const DGRAM = 2

/** By family: bytes of its addresses and ports, source and destination. */
const blockBytes = [0, 12, 36, 2 * unixPathBytesMax] as const

export function readBinaryHeader(bytes: Uint8Array, length: number): ProxyHeaderReading {
  for (let at = 0; at < Math.min(length, signature.length); at++)
    if (bytes[at] !== signature[at]) return 'malformed'
  if (length > versionAt && !isCommand(bytes[versionAt]!)) return 'malformed'
  if (length > familyAt && !isFamily(bytes[familyAt]!)) return 'malformed'
  if (length < blockAt) return 'incomplete'
  const family = bytes[familyAt]! >> 4
  const isLocal = (bytes[versionAt]! & 15) === LOCAL
  // A part of a family or transport that is not specified makes the addresses meaningless.
  const isKnown = !isLocal && family !== UNSPEC && (bytes[familyAt]! & 15) !== UNSPEC
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const total = blockAt + view.getUint16(lengthAt)
  if (total > proxyHeaderBytesMax) return 'malformed'
  if (isKnown && total < blockAt + blockBytes[family]!) return 'malformed'
  if (length < total) return 'incomplete'
  return { bytes: total, ...(isKnown ? readEnds(bytes, view, family) : { source: null, destination: null }) }
}

export function writeBinaryHeader(ends: ProxyHeaderEnds): Uint8Array {
  const { source, destination } = ends
  if (source !== null && destination !== null && 'path' in source && 'path' in destination)
    return writeUnix(source, destination)
  const both = internetEnds(ends)
  // The connection is somebody's, but it cannot be said whose: not LOCAL, which says that it is the proxy's own.
  if (both === null) return begin(UNSPEC, UNSPEC)
  const bytes = begin(both.family === 4 ? INET : INET6, STREAM)
  const view = new DataView(bytes.buffer)
  const addressBytes = both.family === 4 ? 4 : 16
  putAddress(view, blockAt, both.source.address)
  putAddress(view, blockAt + addressBytes, both.destination.address)
  view.setUint16(blockAt + 2 * addressBytes, both.source.port)
  view.setUint16(blockAt + 2 * addressBytes + 2, both.destination.port)
  return bytes
}

/** Of a connection that is the proxy's own, such as a check: nobody's address is behind it. */
export function writeLocalHeader(): Uint8Array {
  const bytes = begin(UNSPEC, UNSPEC)
  bytes[versionAt] = (version << 4) | LOCAL
  return bytes
}

function isCommand(byte: number): boolean {
  return byte >> 4 === version && (byte & 15) <= PROXY
}

function isFamily(byte: number): boolean {
  return byte >> 4 <= UNIX && (byte & 15) <= DGRAM
}

function readEnds(bytes: Uint8Array, view: DataView, family: number): ProxyHeaderEnds {
  if (family === UNIX) {
    return { source: readPath(bytes, blockAt), destination: readPath(bytes, blockAt + unixPathBytesMax) }
  }
  const addressBytes = family === INET ? 4 : 16
  const end = (index: 0 | 1): SocketAddress => ({
    address: readAddress(view, blockAt + index * addressBytes, addressBytes),
    port: view.getUint16(blockAt + 2 * addressBytes + 2 * index),
  })
  return { source: end(0), destination: end(1) }
}

function readAddress(view: DataView, at: number, addressBytes: number): string {
  if (addressBytes === 4) return [0, 1, 2, 3].map(index => view.getUint8(at + index)).join('.')
  return ipv6Text(Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index)))
}

/** Up to the first NUL: an abstract name, which begins with one, reads as none. */
function readPath(bytes: Uint8Array, at: number): UnixAddress {
  const name = bytes.subarray(at, at + unixPathBytesMax)
  const end = name.indexOf(0)
  return { path: Buffer.from(end === -1 ? name : name.subarray(0, end)).toString() }
}

function writeUnix(source: UnixAddress, destination: UnixAddress): Uint8Array {
  const bytes = begin(UNIX, STREAM)
  bytes.set(Buffer.from(source.path).subarray(0, unixPathBytesMax), blockAt)
  bytes.set(Buffer.from(destination.path).subarray(0, unixPathBytesMax), blockAt + unixPathBytesMax)
  return bytes
}

/** A header with room for the addresses of its family. */
function begin(family: number, transport: number): Uint8Array {
  const block = blockBytes[family]!
  const bytes = new Uint8Array(blockAt + block)
  bytes.set(signature)
  bytes[versionAt] = (version << 4) | PROXY
  bytes[familyAt] = (family << 4) | transport
  new DataView(bytes.buffer).setUint16(lengthAt, block)
  return bytes
}

function putAddress(view: DataView, at: number, address: string): void {
  if (address.includes(':')) {
    for (const [index, word] of ipv6Words(address).entries()) view.setUint16(at + 2 * index, word)
  } else {
    for (const [index, part] of address.split('.').entries()) view.setUint8(at + index, Number(part))
  }
}
