/**
 * Whether the end that Node tells of is one. Where the kernel says that a connection is over, libuv reads until what is
 * there is less than it asked for, and takes that for the end (uv__stream_io()): a reset that comes together with the
 * last bytes, or before they are read, would make a stream that was cut off pass for a whole one.
 */
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { type SluiceError, systemError } from '../../base/errors.js'
import { native } from '../../native/load.js'
import { isEncrypted } from './encrypted.js'
import { descriptorOf } from './held-socket.js'

/** What the kernel has said of a socket's end: it says it once. */
const told = new WeakMap<Socket, number>()

/**
 * A new error of what the stream has truly ended with, or null: for plain sockets, from when they have ended for Node
 * until they are closed. What ends TLS is a record within it; many reset the connection after that, which says nothing.
 */
export function endErrorOf(from: Readable): SluiceError | null {
  if (native === null || !(from instanceof Socket) || isEncrypted(from)) return null
  const errno = told.get(from) ?? askKernel(from)
  if (errno >= 0) return null
  const error = systemError(errno, 'recv', 'Receiving from a stream')
  // Whatever else it may be, such as ENOTSOCK of a pipe, says nothing of the peer.
  if (error.code !== 'ERR_SLUICE_PEER_CLOSED') return null
  told.set(from, errno)
  return error
}

function askKernel(from: Socket): number {
  const { MSG_PEEK, MSG_DONTWAIT } = native!
  const fd = descriptorOf(from)
  return fd < 0 ? 0 : native!.recv(fd, new Uint8Array(1), MSG_PEEK | MSG_DONTWAIT)
}
