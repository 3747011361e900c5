/** Why a request's head is refused. After any of them the connection closes: where the next head begins is in doubt. */
import { CR, HTAB, LF, SP } from './bytes.js'

export interface Refusal {
  /** The status to answer with. */
  readonly status: number
  /** For the log; it quotes nothing that the client sent. */
  readonly reason: string
}

export const refusals = {
  emptyLines: refuse(400, 'too many empty lines before the request line (RFC 9112, section 2.2)'),
  bareLf: refuse(400, 'a line feed without a carriage return (RFC 9112, section 2.2)'),
  bareCr: refuse(400, 'a carriage return without a line feed (RFC 9112, section 2.2)'),
  method: refuse(400, 'the method is not a token (RFC 9110, section 9.1)'),
  methodUnknown: refuse(501, 'the method is not known (RFC 9110, section 9.1)'),
  target: refuse(400, 'a byte that no request target has (RFC 9112, section 3.2)'),
  targetForm: refuse(400, 'the request target has none of the forms for its method (RFC 9112, section 3.2)'),
  targetHost: refuse(400, 'the request target does not name a valid host (RFC 9112, section 3.2.2)'),
  targetLength: refuse(414, 'the request target is too long (RFC 9112, section 3)'),
  version: refuse(400, 'the request line does not end with a version (RFC 9112, section 2.3)'),
  versionUnknown: refuse(505, 'the version is not HTTP/1.x (RFC 9110, section 2.5)'),
  headLength: refuse(431, 'the head is too long (RFC 6585, section 5)'),
  fieldCount: refuse(431, 'there are too many fields (RFC 6585, section 5)'),
  fold: refuse(400, 'a line begins with space (RFC 9112, sections 2.2 and 5.2)'),
  fieldName: refuse(400, 'the name of a field is not a token (RFC 9110, section 5.1)'),
  spaceBeforeColon: refuse(400, 'space between the name of a field and its colon (RFC 9112, section 5.1)'),
  fieldValue: refuse(400, 'a control byte in the value of a field (RFC 9110, section 5.5)'),
  repeated: refuse(400, 'a field that is not a list came twice (RFC 9110, section 5.3)'),
  hostMissing: refuse(400, 'there is no Host (RFC 9112, section 3.2)'),
  hostRepeated: refuse(400, 'there is more than one Host (RFC 9112, section 3.2)'),
  host: refuse(400, 'Host is not a host with perhaps a port (RFC 9110, section 7.2)'),
  contentLength: refuse(400, 'Content-Length is not one number (RFC 9112, section 6.3)'),
  contentLengthRepeated: refuse(400, 'there is more than one Content-Length (RFC 9112, section 6.3)'),
  contentTooLarge: refuse(413, 'the content is too long (RFC 9110, section 15.5.14)'),
  content: refuse(400, 'GET and HEAD have no content (RFC 9110, section 9.3.1)'),
  codingUnknown: refuse(501, 'transfer codings are not implemented (RFC 9112, section 6.1)'),
  codingAndLength: refuse(400, 'both Transfer-Encoding and Content-Length (RFC 9112, section 6.1)'),
  codingInOldVersion: refuse(400, 'Transfer-Encoding before HTTP/1.1 (RFC 9112, section 6.1)'),
  expectation: refuse(417, 'an expectation other than 100-continue (RFC 9110, section 10.1.1)'),
} as const

/** Why a byte cannot follow the method. */
export function afterMethod(byte: number): Refusal {
  return byte === LF ? refusals.bareLf : refusals.method
}

/** Why a byte cannot follow the target. */
export function afterTarget(byte: number): Refusal {
  // A line without a version is a request of HTTP/0.9.
  if (byte === CR) return refusals.version
  return byte === LF ? refusals.bareLf : refusals.target
}

/** Why a byte cannot follow the name of a field. */
export function afterName(byte: number): Refusal {
  if (byte === SP || byte === HTAB) return refusals.spaceBeforeColon
  return byte === LF ? refusals.bareLf : refusals.fieldName
}

/** Why a byte cannot follow the value of a field. */
export function afterValue(byte: number): Refusal {
  return byte === LF ? refusals.bareLf : refusals.fieldValue
}

function refuse(status: number, reason: string): Refusal {
  return { status, reason }
}
