/** Huge pages as a memfd. Allocated before they are touched: a huge page that is missing then would raise SIGBUS. */
import { fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { MiB } from '../../base/units.js'
import { readText } from '../files.js'
import type { Finding, Probe } from '../probe.js'
import { attempt } from '../refusal.js'

/** 64 MiB of the usual size: enough for a pool, little to miss. */
const pagesSuggested = 32

export const hugePages: Probe = {
  name: 'huge_pages',
  needs: { kernel: 'Linux 4.14 or later, with CONFIG_HUGETLBFS' },
  examine: bench => {
    const { native } = bench
    const fd = bench.own('memfd_create(MFD_HUGETLB)', bench.createMemfd(native.MFD_HUGETLB))
    const pageBytes = fstatSync(fd).blksize
    attempt('ftruncate', native.ftruncate(fd, pageBytes))
    const allocated = native.fallocate(fd, 0, pageBytes)
    if (allocated === -constants.errno.ENOSPC || allocated === -constants.errno.ENOMEM)
      return noneFree(pageBytes)
    attempt('fallocate', allocated)
    const page = bench.map(fd, 0, pageBytes, native.PROT_READ | native.PROT_WRITE)
    page[pageBytes - 1] = 1
    const sendable = native.sendfile(bench.connectUnix().sender, fd, 0, native.PAGE_BYTES) > 0
    return {
      status: 'ready',
      reason:
        `a page of ${pageBytes / MiB} MiB was mapped (others free: ${meminfo('HugePages_Free')})` +
        (sendable ? '' : '; sendfile does not read from such pages'),
    }
  },
}

function noneFree(pageBytes: number): Finding {
  const reserved = meminfo('HugePages_Total')
  return {
    status: 'missing',
    reason:
      reserved === 0
        ? `no huge page of ${pageBytes / MiB} MiB is reserved`
        : `of ${reserved} huge pages of ${pageBytes / MiB} MiB none is free for this process`,
    remedy: `as root: sysctl -w vm.nr_hugepages=${reserved + pagesSuggested} (in a container, on the host)`,
  }
}

/** A count of /proc/meminfo. */
function meminfo(field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readText('/proc/meminfo'))?.[1] ?? 0)
}
