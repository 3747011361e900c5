/** Use of a socket that is known by its descriptor only: sent on through a duplicate, so that closing the original is harmless. */
import { systemError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import type { SocketHold } from './socket-hold.js'

/** @throws ERR_SLUICE_SYSCALL, ERR_SLUICE_DESCRIPTORS where the descriptor cannot be duplicated */
export function holdDescriptor(native: Native, fd: number): SocketHold {
  const own = native.dup(fd)
  if (own < 0) throw systemError(own, 'fcntl(F_DUPFD_CLOEXEC)', `Using descriptor ${fd} as a socket`)
  // The flag is the open file's, so the caller's descriptor has it too; it is put back when the transfer ends.
  const changed = native.setNonBlocking(own, 1) === 1
  return {
    fd: own,
    open: true,
    ended: false,
    onClose: () => {},
    touch: () => {},
    release: () => {
      if (changed) native.setNonBlocking(own, 0)
      native.close(own)
    },
  }
}
