/**
 * Opening a file without letting the event loop wait for a disk: first with RESOLVE_CACHED, which answers only
 * from what the kernel has in memory (openat2(2), Linux 5.12), and on a thread of the pool where that does not
 * suffice.
 */
import { constants } from 'node:os'
import { native } from './load.js'

/** The directory that relative names start from when no other is given (open(2)). */
export const AT_FDCWD = -100

/** What reading needs, and never waits: a FIFO opens at once, a terminal does not become ours. */
export const readFlags =
  native === null ? 0 : native.O_RDONLY | native.O_NONBLOCK | native.O_NOCTTY | native.O_CLOEXEC

/**
 * Opens `name` below `directory` → a descriptor, or a promise of it where the disk is needed; -errno on
 * failure, -ENOSYS where there is no addon.
 */
export function openCached(
  directory: number,
  name: string | Uint8Array,
  flags: number,
  resolve: number,
): number | Promise<number> {
  if (native === null) return -constants.errno.ENOSYS
  const fd = native.openat2(directory, name, flags, resolve | native.RESOLVE_CACHED)
  return fd === -constants.errno.EAGAIN ? native.openat2Offload(directory, name, flags, resolve) : fd
}
