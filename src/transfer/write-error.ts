/** What a file that cannot be written, or read, means, and what to do about it. */
import { errnoName, type SluiceError, systemError } from '../base/errors.js'

/** open(2), O_DIRECT: ext4 and XFS say so; tmpfs takes anything. */
export const blocksRemedy =
  'With O_DIRECT memory, positions and lengths must be multiples of its block, mostly 4096 bytes: open it without.'

const remedies: Record<string, string> = {
  EBADF: 'Open the sink for writing.',
  EDQUOT: 'Free some of the quota on this file system.',
  EFBIG: 'Raise the limit on the size of files (`ulimit -f`), or use a file system that has larger ones.',
  EINVAL: blocksRemedy,
  ENOSPC: 'Free space on the file system; what was written stays.',
  ENXIO: 'Have somebody open the FIFO for reading first.',
  EPERM: 'The file is immutable or sealed; write another one.',
  EROFS: 'The file system is mounted read-only; write elsewhere.',
  ETXTBSY: 'The file is a program that runs, or swap space; replace it by rename.',
}

/** The error for a system call's negative result while `name` was opened or written. */
export function writeError(errno: number, syscall: string, name: string, cause?: unknown): SluiceError {
  const remedy = remedies[errnoName(errno)]
  const details = { ...(remedy !== undefined && { remedy }), ...(cause !== undefined && { cause }) }
  return systemError(errno, syscall, `Writing ${name}`, details)
}
