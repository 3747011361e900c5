/** Shared memory: what is written into one mapping of a memfd is there in another. */
import type { Probe } from '../probe.js'

export const sharedMemory: Probe = {
  name: 'shared_memory',
  needs: { kernel: 'Linux 3.17 or later, with CONFIG_MEMFD_CREATE' },
  examine: bench => {
    const { native } = bench
    const bytes = native.PAGE_BYTES
    const fd = bench.memfd(new Uint8Array(bytes))
    const writer = bench.map(fd, 0, bytes, native.PROT_READ | native.PROT_WRITE)
    const reader = bench.map(fd, 0, bytes, native.PROT_READ)
    writer[bytes - 1] = 0x42
    if (reader[bytes - 1] !== 0x42) throw new Error('a write into one mapping does not show in the other')
    return { status: 'ready', reason: 'what one mapping writes another reads' }
  },
}
