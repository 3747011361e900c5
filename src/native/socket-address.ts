/** Addresses of sockets as the kernel has them (ip(7), ipv6(7), unix(7)), from text and back. */
import { isIPv4, isIPv6 } from 'node:net'
import type { Native } from './calls.js'

/** Room for any of them: struct sockaddr_storage has 128 bytes. */
export const addressBytesMax = 128
/** sun_path of struct sockaddr_un, with the NUL at its end. */
export const unixPathBytesMax = 108

const portAt = 2
const ipv4At = 4
const ipv6At = 8
const ipv6Bytes = 28
const ipv4Bytes = 16

export interface InternetAddress {
  readonly address: string
  readonly port: number
}

/** A struct sockaddr_in or sockaddr_in6; `address` must be one, not a name. */
export function internetAddress(native: Native, { address, port }: InternetAddress): Uint8Array {
  const ipv4 = isIPv4(address)
  if (!ipv4 && !isIPv6(address)) throw new RangeError(`${address} is no address`)
  const bytes = new Uint8Array(ipv4 ? ipv4Bytes : ipv6Bytes)
  const view = new DataView(bytes.buffer)
  setFamily(bytes, ipv4 ? native.AF_INET : native.AF_INET6)
  view.setUint16(portAt, port)
  if (ipv4) bytes.set(address.split('.').map(Number), ipv4At)
  else for (const [index, word] of ipv6Words(address).entries()) view.setUint16(ipv6At + 2 * index, word)
  return bytes
}

/** A struct sockaddr_un; `path` has fewer than 108 bytes. */
export function unixAddress(native: Native, path: string): Uint8Array {
  const name = Buffer.from(path)
  if (name.length >= unixPathBytesMax || name.length === 0) throw new RangeError(`${path} is too long`)
  const bytes = new Uint8Array(2 + name.length + 1)
  setFamily(bytes, native.AF_UNIX)
  bytes.set(name, 2)
  return bytes
}

/** What the kernel filled in; null where it is neither IPv4 nor IPv6. */
export function readInternetAddress(native: Native, bytes: Uint8Array): InternetAddress | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const family = new Uint16Array(bytes.slice(0, 2).buffer)[0]
  if (family === native.AF_INET) {
    return { address: bytes.subarray(ipv4At, ipv4At + 4).join('.'), port: view.getUint16(portAt) }
  }
  if (family !== native.AF_INET6) return null
  const words = Array.from({ length: 8 }, (_, index) => view.getUint16(ipv6At + 2 * index))
  return { address: ipv6Text(words), port: view.getUint16(portAt) }
}

/** sa_family_t is in the machine's own order of bytes. */
function setFamily(bytes: Uint8Array, family: number): void {
  bytes.set(new Uint8Array(Uint16Array.of(family).buffer))
}

/** The eight words of an IPv6 address, from text that is one. */
export function ipv6Words(address: string): number[] {
  const [plain = ''] = address.split('%')
  // The last two words may be written as an IPv4 address.
  const text = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map(word => word.toString(16)).join(':'),
  )
  const [before = '', after] = text.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].map(word => parseInt(word, 16))
}

/** As RFC 5952 has it, through the one implementation that is at hand. */
export function ipv6Text(words: readonly number[]): string {
  const mapped = words.slice(0, 5).every(word => word === 0) && words[5] === 0xffff
  if (mapped)
    return words
      .slice(6)
      .flatMap(word => [word >> 8, word & 255])
      .join('.')
  const { hostname } = new URL(`http://[${words.map(word => word.toString(16)).join(':')}]`)
  return hostname.slice(1, -1)
}

/** As options and messages write it: IPv6 addresses are bracketed. A name may stand for the address. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
