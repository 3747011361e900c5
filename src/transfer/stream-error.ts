/** What a system call between two streams failed with, and what to do about it. */
import { errnoName, type SluiceError, systemError } from '../base/errors.js'

const remedies: Record<string, string> = {
  EBADF: 'Open the source for reading and the sink for writing.',
  EINVAL:
    "Another program changed what the descriptor is, or took the other end of the pipe; `prefer: 'copy'` reads and writes.",
  ENOMEM: 'Free memory, or raise the limit of the control group.',
  ENOTCONN: 'Wait until the socket is connected.',
  ESPIPE: 'An end without positions was given one; this is a fault of sluice, to be reported.',
}

/** The error for a negative result; `what` says what was being done. */
export function streamError(errno: number, syscall: string, what: string): SluiceError {
  const remedy = remedies[errnoName(errno)]
  return systemError(errno, syscall, what, remedy === undefined ? {} : { remedy })
}
