/** Use of a socket that is known by its descriptor only. Nobody else closes that: it is a duplicate (claim.ts). */
import type { Native } from '../../native/calls.js'
import { unblockShared } from './non-blocking.js'
import type { SocketHold } from './socket-hold.js'

export function holdDescriptor(native: Native, fd: number): SocketHold {
  return {
    fd,
    open: true,
    ended: false,
    whyClosed: neverClosed,
    onClose: () => {},
    touch: () => {},
    release: unblockShared(native, fd),
  }
}

function neverClosed(): never {
  throw new Error('a duplicate is not closed while it is held')
}
