/** IORING_OP_SEND_ZC, with the notification that says whether the kernel copied after all. */
import { constants } from 'node:os'
import type { Probe } from '../probe.js'
import { memorySource, prove } from '../proof.js'
import { Refusal } from '../refusal.js'
import { type Completion, Ring } from '../ring.js'

export const ioUringSendZc: Probe = {
  name: 'io_uring_send_zc',
  needs: { kernel: 'Linux 6.0 or later, with CONFIG_IO_URING', locksMemory: true },
  examine: async bench => {
    const { native } = bench
    const ring = new Ring(bench, 2)
    const connection = await bench.connectTcp()
    const source = memorySource(bench)
    const send = async (ioprio: number): Promise<Completion> => {
      ring.submit({ opcode: native.IORING_OP_SEND_ZC, fd: connection.sender, ioprio, bytes: source.bytes })
      return ring.completion()
    }
    let sent = await send(native.IORING_SEND_ZC_REPORT_USAGE)
    // Linux 6.0 and 6.1 send, but cannot report.
    const reports = sent.value !== -constants.errno.EINVAL
    if (!reports) sent = await send(0)
    if (sent.value < 0) throw new Refusal('IORING_OP_SEND_ZC', sent.value)
    const proof = await prove(bench, connection, source, () => sent.value)
    const usage = sent.flags & native.IORING_CQE_F_MORE ? (await ring.completion()).value : 0
    const copied = reports && (usage & native.IORING_NOTIF_USAGE_ZC_COPIED) !== 0
    if (proof === 'by reference' && !copied) {
      return { status: 'ready', reason: 'sends complete, and nothing was copied', proof }
    }
    return {
      status: 'limited',
      reason: `the kernel copies what goes over loopback${copied ? ', and its notification says so' : ''}`,
      remedy: 'use it towards a NIC with scatter-gather; nothing avoids the copy on loopback',
      proof,
    }
  },
}
