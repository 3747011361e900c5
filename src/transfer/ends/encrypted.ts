/** Streams whose bytes are not those of their socket. */
import type { TLSSocket } from 'node:tls'

/** Whether TLS in user space lies between the stream and the socket below it. */
export function isEncrypted(stream: object | null): boolean {
  return (stream as Partial<TLSSocket> | null)?.encrypted === true
}
