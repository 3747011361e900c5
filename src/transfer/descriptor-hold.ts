/** Use of a socket that is known by its descriptor only. Nobody else closes that: it is a duplicate (claim.ts). */
import type { Native } from '../native/calls.js'
import type { SocketHold } from './socket-hold.js'

export function holdDescriptor(native: Native, fd: number): SocketHold {
  // The flag is the open file's, so the caller's descriptor has it too; it is put back when the transfer ends.
  const changed = native.setNonBlocking(fd, 1) === 1
  return {
    fd,
    open: true,
    ended: false,
    whyClosed: neverClosed,
    onClose: () => {},
    touch: () => {},
    release: () => {
      if (changed) native.setNonBlocking(fd, 0)
    },
  }
}

function neverClosed(): never {
  throw new Error('a duplicate is not closed while it is held')
}
