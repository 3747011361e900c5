/** IORING_OP_SEND_ZC, with the notification that says whether the kernel copied after all. */
import { constants } from 'node:os'
import { CQE_MORE, NOTIFICATION_COPIED, SEND_REPORT_USAGE } from '../../ring/flags.js'
import { oldestKernel } from '../../ring/refusal.js'
import type { Probe } from '../probe.js'
import { memorySource, prove } from '../proof.js'
import { Refusal } from '../refusal.js'
import { type Completion, TrialRing } from '../ring.js'

export const ioUringSendZc: Probe = {
  name: 'io_uring_send_zc',
  needs: { kernel: `${oldestKernel} or later, with CONFIG_IO_URING`, locksMemory: true },
  examine: async bench => {
    const ring = new TrialRing(bench)
    const connection = await bench.connectTcp()
    const source = memorySource(bench)
    const memory = ring.use(source.bytes)
    const send = (how: number): Promise<Completion> => {
      ring.submissions.sendZeroCopy(connection.sender, memory, 0, source.length, 0, how, 0, 0)
      return ring.completion()
    }
    let sent = await send(SEND_REPORT_USAGE)
    // Linux 6.1 sends, but cannot report.
    const reports = sent.value !== -constants.errno.EINVAL
    if (!reports) sent = await send(0)
    if (sent.value < 0) throw new Refusal('IORING_OP_SEND_ZC', sent.value)
    const proof = await prove(bench, connection, source, () => sent.value)
    const usage = sent.flags & CQE_MORE ? (await ring.completion()).value : 0
    const copied = reports && (usage & NOTIFICATION_COPIED) !== 0
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
