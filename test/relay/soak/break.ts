/** Resets of sockets, made and noticed for certain: Node sends FIN before RST, and may take RST for an end. */
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'

/** SO_LINGER with no time: what is not sent is dropped, and close(2) resets; socket(7). */
const lingerZero = new Uint8Array(new Int32Array([1, 0]).buffer)

/** Sends RST, and nothing before it. */
export function reset(socket: Socket): void {
  native!.setsockoptBytes(descriptorOf(socket), native!.SOL_SOCKET, native!.SO_LINGER, lingerZero)
  socket.destroy()
}

/**
 * Whether what Node says is an end was RST: where data and RST come at once, libuv reads the data, sees that the
 * connection has gone, and does not ask how. RST that follows FIN would be EPIPE.
 */
export function wasReset(socket: Socket): boolean {
  const fd = descriptorOf(socket)
  if (fd < 0) return false
  return native!.getsockoptInt(fd, native!.SOL_SOCKET, native!.SO_ERROR) === constants.errno.ECONNRESET
}
