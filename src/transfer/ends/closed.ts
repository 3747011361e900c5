/** Why a stream takes no more bytes. */
import { ServerResponse } from 'node:http'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { SluiceError, systemError } from '../../base/errors.js'

/** The peer's doing where it reset or ended the connection first, else this side's. */
export function closedError(sink: Readable | Writable, failure?: Error): SluiceError {
  // A response does not know what happened to its connection.
  const stream = sink instanceof ServerResponse ? (sink.req?.socket ?? sink) : sink
  const cause = stream.errored ?? failure
  // A stream of our own says it itself.
  if (cause instanceof SluiceError) return cause
  const { errno, syscall = 'write' } = (cause ?? {}) as NodeJS.ErrnoException
  // A write that was under way when the socket was destroyed is cancelled; the kernel had no part in it.
  const byKernel = typeof errno === 'number' && errno !== -constants.errno.ECANCELED
  if (byKernel) return systemError(errno, syscall, 'Sending a file', { cause })
  const peerFirst = 'readableEnded' in stream && stream.readableEnded === true
  return peerFirst
    ? new SluiceError('ERR_SLUICE_PEER_CLOSED', 'The peer ended the connection', { cause })
    : new SluiceError('ERR_SLUICE_SOCKET_CLOSED', 'The socket was closed', { cause })
}
