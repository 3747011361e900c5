/**
 * The name that a TLS client asks for (RFC 6066, section 3), from the first bytes that it sends, which are looked at and
 * left where they are. Records are hopped over until the whole ClientHello is there, and only then is it read.
 */
import { KiB } from '../base/units.js'
import { serverNameIn } from './server-name.js'

export type ServerName =
  | { readonly kind: 'name'; readonly name: string }
  /** A ClientHello without a name, or no TLS at all. */
  | { readonly kind: 'none' }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' }

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const recordHeadBytes = 5
const messageHeadBytes = 4
/** Of one record (RFC 8446, section 5.1). */
const recordBytesMax = 16 * KiB
/** Of the message that may be spread over records. */
const messageBytesMax = 16 * KiB
/** More is somebody's trick: a ClientHello fits one. */
const recordsMax = 64

/** Whoever sends more has no ClientHello that is read here. */
export const clientHelloBytesMax = messageHeadBytes + messageBytesMax + recordsMax * recordHeadBytes

const none: ServerName = { kind: 'none' }
const incomplete: ServerName = { kind: 'incomplete' }
const malformed: ServerName = { kind: 'malformed' }

/** Reads the beginning of a connection's bytes, of which the first `length` have arrived. */
export function readServerName(bytes: Uint8Array, length = bytes.length): ServerName {
  if (length === 0) return incomplete
  if (bytes[0] !== HANDSHAKE) return none
  const records: Uint8Array[] = []
  let gathered = 0
  let at = 0
  for (;;) {
    const recordBytes = readRecordHead(bytes, at, length)
    if (recordBytes < 0) return recordBytes === INCOMPLETE ? incomplete : malformed
    const begin = at + recordHeadBytes
    const end = Math.min(begin + recordBytes, length)
    records.push(bytes.subarray(begin, end))
    const announced = gathered + recordBytes
    gathered += end - begin
    const wanted = messageBytes(records, gathered)
    // Nothing may share a record with it: a client waits for the server's answer.
    if (wanted < 0 || (announced > wanted && Number.isFinite(wanted))) return malformed
    if (gathered >= wanted) return readMessage(records, wanted)
    if (records.length === recordsMax) return malformed
    if (end < begin + recordBytes) return incomplete
    at = end
  }
}

const INCOMPLETE = -1
const MALFORMED = -2

/** → the length that a record's head announces, INCOMPLETE or MALFORMED. */
function readRecordHead(bytes: Uint8Array, at: number, length: number): number {
  const here = length - at
  if (here > 0 && bytes[at] !== HANDSHAKE) return MALFORMED
  // The version: 3.1 in a first record, though TLS 1.3 says it means nothing.
  if (here > 1 && bytes[at + 1] !== 3) return MALFORMED
  if (here < recordHeadBytes) return INCOMPLETE
  const recordBytes = (bytes[at + 3]! << 8) | bytes[at + 4]!
  // Handshake records that are empty are forbidden (RFC 8446, section 5.1).
  return recordBytes === 0 || recordBytes > recordBytesMax ? MALFORMED : recordBytes
}

/** → how long the message is with its head, Infinity where that has not come, MALFORMED where it is no ClientHello. */
function messageBytes(records: readonly Uint8Array[], gathered: number): number {
  const head = Buffer.concat(records.slice(0, messageHeadBytes), Math.min(gathered, messageHeadBytes))
  if (head.length > 0 && head[0] !== CLIENT_HELLO) return MALFORMED
  if (head.length < messageHeadBytes) return Number.POSITIVE_INFINITY
  const bytes = head.readUIntBE(1, 3)
  return bytes > messageBytesMax ? MALFORMED : messageHeadBytes + bytes
}

function readMessage(records: readonly Uint8Array[], wanted: number): ServerName {
  const message = records.length === 1 ? records[0]! : Buffer.concat(records)
  const name = serverNameIn(message.subarray(messageHeadBytes, wanted))
  if (name === false) return malformed
  return name === null ? none : { kind: 'name', name }
}
