/** io_uring(7): a ring, an operation through it, and what operations there are. */
import type { Probe } from '../probe.js'
import { attempt, Refusal } from '../refusal.js'
import { Ring } from '../ring.js'

/** struct io_uring_probe: how many operations it can tell about, where they start, and how long each is. */
const probe = { operations: 256, header: 16, bytes: 8, flags: 2, supported: 1 }

export const ioUring: Probe = {
  name: 'io_uring',
  needs: { kernel: 'Linux 5.6 or later, with CONFIG_IO_URING', locksMemory: true },
  examine: async bench => {
    const { native } = bench
    const ring = new Ring(bench, 2)
    ring.submit({ opcode: native.IORING_OP_NOP })
    const { value } = await ring.completion()
    if (value < 0) throw new Refusal('IORING_OP_NOP', value)
    const answer = new Uint8Array(probe.header + probe.operations * probe.bytes)
    attempt(
      'io_uring_register',
      native.ioUringRegister(ring.fd, native.IORING_REGISTER_PROBE, answer, probe.operations),
    )
    let supported = 0
    for (let at = probe.header; at < answer.length; at += probe.bytes) {
      if (answer[at + probe.flags]! & probe.supported) supported++
    }
    return {
      status: 'ready',
      reason: `a ring works; ${supported} operations are there`,
    }
  },
}
