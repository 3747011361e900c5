/** The errors by which the kernel, or a sandbox, says that it does not splice between two descriptors at all. */
import { constants } from 'node:os'

const { EINVAL, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno

/** Only of a first call: later the same numbers are failures. */
export function isRefusal(errno: number): boolean {
  return errno === -EINVAL || errno === -ENOSYS || errno === -EOPNOTSUPP || errno === -EPERM
}
