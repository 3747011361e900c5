/** memfd_create(2): memory that is a file, with seals that keep its size. */
import { constants } from 'node:os'
import type { Probe } from '../probe.js'
import { attempt, Refusal } from '../refusal.js'

export const memfd: Probe = {
  name: 'memfd',
  needs: { kernel: 'Linux 3.17 or later, with CONFIG_MEMFD_CREATE' },
  examine: bench => {
    const { native } = bench
    const bytes = native.PAGE_BYTES
    const fd = bench.memfd(new Uint8Array(bytes))
    attempt('fcntl(F_ADD_SEALS)', native.addSeals(fd, native.F_SEAL_SHRINK | native.F_SEAL_GROW))
    const shrunk = native.ftruncate(fd, 0)
    if (shrunk === -constants.errno.EPERM) {
      return { status: 'ready', reason: 'memory with a descriptor, sealed in size' }
    }
    if (shrunk < 0) throw new Refusal('ftruncate', shrunk)
    return {
      status: 'limited',
      reason: 'memory with a descriptor, but the seal against shrinking has no effect',
      remedy: 'share it only with processes that are trusted not to shrink it: that would raise SIGBUS',
    }
  },
}
