/** io_uring(7): a ring as sluice uses it, an operation through it, and what operations there are. */
import { oldestKernel } from '../../ring/refusal.js'
import type { Probe } from '../probe.js'
import { Refusal } from '../refusal.js'
import { TrialRing } from '../ring.js'

/** More than any kernel has. */
const operationsMax = 256

export const ioUring: Probe = {
  name: 'io_uring',
  needs: { kernel: `${oldestKernel} or later, with CONFIG_IO_URING`, locksMemory: true },
  examine: async bench => {
    const ring = new TrialRing(bench)
    ring.submissions.nop(0, 0)
    const { value } = await ring.completion()
    if (value < 0) throw new Refusal('IORING_OP_NOP', value)
    let supported = 0
    for (let operation = 0; operation < operationsMax; operation++) {
      if (ring.supports(operation)) supported++
    }
    return {
      status: 'ready',
      reason: `a ring works; ${supported} operations are there`,
    }
  },
}
