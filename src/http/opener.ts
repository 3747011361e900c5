/** Finding a file by name, below a directory or anywhere. */
import type { Opened, Purpose } from './opened.js'

/** What was opened, or -errno. */
export type Found = Opened | number

export interface Opener {
  /**
   * Opens the file or directory of this name, a byte string without a slash at its front; the empty name is the
   * directory itself. At once where the kernel knows the name by heart, else as a promise, so that the event loop
   * never waits for a disk. Anything else than a regular file or directory is -ENXIO.
   */
  open(name: string, purpose: Purpose): Found | Promise<Found>
}

/** Names longer than this do not go into system calls (PATH_MAX of limits.h, less the NUL and some room). */
export const nameBytesMax = 4000

/** Hot: goes on with a value that is there at once, else when it comes. */
export function whenFound<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
