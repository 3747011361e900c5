/** Whether files can be sent here at all: a sandbox may refuse sendfile(2), which is how this server sends them. */
import { errnoName, SluiceError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { isForbidden } from '../transfer/paths/path-refused.js'

/** What to say where it is refused, else null. It is asked without descriptors, so nothing is sent: then it says EBADF. */
export function sendfileRefusal(native: Native): SluiceError | null {
  const errno = native.sendfile(-1, -1, 0, 1)
  if (!isForbidden(errno)) return null
  return new SluiceError(
    'ERR_SLUICE_SYSCALL',
    `Serving files: sendfile is refused here (${errnoName(errno)})`,
    {
      syscall: 'sendfile',
      errno,
      remedy:
        'Allow sendfile in the seccomp filter over this process, or serve on node:http (serveStatic), by other paths.',
    },
  )
}
