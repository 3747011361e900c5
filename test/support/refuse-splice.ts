/** A socket that splice(2) does not send to: the kernel refuses what is open for appending, whatever it is. */
import type { Socket } from 'node:net'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'

/** Of the kernel on every architecture, fcntl.h. */
const F_SETFL = 4

export function refuseSplice(sink: Socket): void {
  const { F_GETFL, O_APPEND, fcntl } = native!
  const fd = descriptorOf(sink)
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_APPEND)
}
