/** Version 1 of the PROXY protocol: one line, such as `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`. */
import { isIPv4, isIPv6 } from 'node:net'
import { ipv6Text, ipv6Words } from '../native/socket-address.js'
import type { SocketAddress } from './address.js'
import { internetEnds } from './internet-ends.js'
import type { ProxyHeaderEnds, ProxyHeaderReading } from './proxy-header-types.js'

/** Of the longest line, with the CRLF that ends it. */
const lineBytesMax = 107
export const textPrefix = Buffer.from('PROXY ')
const crLf = '\r\n'
const CR = 0x0d
const LF = 0x0a

/** As the specification has it: no zero leads. */
const portText = /^(0|[1-9]\d{0,4})$/

export function readTextHeader(bytes: Uint8Array, length: number): ProxyHeaderReading {
  const seen = Math.min(length, lineBytesMax)
  for (let at = 0; at < Math.min(seen, textPrefix.length); at++)
    if (bytes[at] !== textPrefix[at]) return 'malformed'
  const end = lineEnd(bytes, seen)
  if (end === -1) return 'malformed'
  if (end === seen) return seen === lineBytesMax ? 'malformed' : 'incomplete'
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1', textPrefix.length, end)
  const ends = readEnds(line)
  return ends === null ? 'malformed' : { bytes: end + crLf.length, ...ends }
}

export function writeTextHeader(ends: ProxyHeaderEnds): Uint8Array {
  const both = internetEnds(ends)
  if (both === null) return Buffer.from('PROXY UNKNOWN\r\n')
  const { family, source, destination } = both
  const addresses = `${source.address} ${destination.address} ${source.port} ${destination.port}`
  return Buffer.from(`PROXY TCP${family} ${addresses}\r\n`)
}

/** Where CRLF begins; `seen` where it has not come yet, -1 where one of the two came without the other. */
function lineEnd(bytes: Uint8Array, seen: number): number {
  for (let at = 0; at < seen; at++) {
    if (bytes[at] === LF) return -1
    if (bytes[at] !== CR) continue
    if (at + 1 === seen) return seen
    return bytes[at + 1] === LF ? at : -1
  }
  return seen
}

function readEnds(line: string): ProxyHeaderEnds | null {
  const [transport, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] =
    line.split(' ')
  // Whatever else its line says is not to be looked at.
  if (transport === 'UNKNOWN') return { source: null, destination: null }
  const isAddress = transport === 'TCP4' ? isIPv4 : transport === 'TCP6' ? isPlainIPv6 : null
  if (isAddress === null || more.length > 0) return null
  const from = endOf(isAddress, source, sourcePort)
  const to = endOf(isAddress, destination, destinationPort)
  return from === null || to === null ? null : { source: from, destination: to }
}

function endOf(isAddress: (text: string) => boolean, address: string, port: string): SocketAddress | null {
  if (!isAddress(address) || !portText.test(port) || Number(port) > 65_535) return null
  // One address may be written in many ways, and is one client's all the same.
  return { address: address.includes(':') ? ipv6Text(ipv6Words(address)) : address, port: Number(port) }
}

/** A zone means nothing on another machine. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}
