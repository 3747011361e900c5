/** Who is asked: `uri-host [ ":" port ]` (RFC 9110, section 7.2; RFC 3986, section 3.2.2). No user is ever named. */
import { isIPv6 } from 'node:net'
import { COLON } from './bytes.js'

const OPENING = 0x5b
const CLOSING = 0x5d
const PERCENT = 0x25

/** 1 for the bytes that a registered name, or an IPv4 address, has besides escapes. */
const nameBytes = tableOf("-._~!$&'()*+,;=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
const hexDigits = tableOf('0123456789abcdefABCDEF')
/** An IPv6 address has no zone here (RFC 9110, section 4.2.1 takes RFC 3986's grammar, which knows none). */
const addressBytes = tableOf('0123456789abcdefABCDEF:.')

const portMax = 65_535

/** Whether the bytes name a host, and perhaps a port, which may be empty. */
export function isAuthority(bytes: Uint8Array, from: number, to: number): boolean {
  const end = hostEnd(bytes, from, to)
  if (end <= from) return false
  return end === to || (bytes[end] === COLON && portOf(bytes, end + 1, to) >= -1)
}

/** Whether the bytes name a host and a port, as CONNECT has them (RFC 9112, section 3.2.3). */
export function isHostAndPort(bytes: Uint8Array, from: number, to: number): boolean {
  const end = hostEnd(bytes, from, to)
  return end > from && bytes[end] === COLON && end < to && portOf(bytes, end + 1, to) >= 0
}

/** Where the host that begins at `from` ends; `from` itself where none does, or what begins as one is malformed. */
function hostEnd(bytes: Uint8Array, from: number, to: number): number {
  if (from < to && bytes[from] === OPENING) return literalEnd(bytes, from, to)
  let at = from
  while (at < to) {
    const byte = bytes[at]!
    if (nameBytes[byte] === 1) at++
    else if (byte !== PERCENT) break
    else if (to - at < 3 || hexDigits[bytes[at + 1]!] === 0 || hexDigits[bytes[at + 2]!] === 0) return from
    else at += 3
  }
  return at
}

/** The end of `[address]`; of the literals only IPv6 exists. */
function literalEnd(bytes: Uint8Array, from: number, to: number): number {
  let text = ''
  let at = from + 1
  while (at < to && addressBytes[bytes[at]!] === 1) text += String.fromCharCode(bytes[at++]!)
  return at < to && bytes[at] === CLOSING && isIPv6(text) ? at + 1 : from
}

/** The port; -1 where it is empty, -2 where it is none. */
function portOf(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) return -1
  let port = 0
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return -2
    port = port * 10 + digit
    if (port > portMax) return -2
  }
  return port
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}
