/** How the kernel, or a sandbox, says that a path is none between two ends, and how a path passes that on. */
import { constants } from 'node:os'

const { EINVAL, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno

/** The path cannot be used between these two: a file system, a sink or a sandbox refuses. Nothing was sent yet. */
export class PathRefused extends Error {}

/** Whether an error says that the path is none here. Only of a first call: later the same numbers are failures. */
export function isRefusal(errno: number): boolean {
  return errno === -EINVAL || errno === -EOPNOTSUPP || isForbidden(errno)
}

/** Whether it says that there is no such call in this process, whatever it is asked for: of calls that need no privilege. */
export function isForbidden(errno: number): boolean {
  return errno === -ENOSYS || errno === -EPERM
}
