/** MSG_ZEROCOPY of send(2), with the completion that says whether the kernel copied after all. */
import type { Probe } from '../probe.js'
import { memorySource, prove } from '../proof.js'
import { attempt } from '../refusal.js'

export const msgZerocopy: Probe = {
  name: 'msg_zerocopy',
  needs: { kernel: 'Linux 4.14 or later', locksMemory: true },
  examine: async bench => {
    const { native } = bench
    const connection = await bench.connectTcp()
    const source = memorySource(bench)
    attempt(
      'setsockopt(SO_ZEROCOPY)',
      native.setsockoptInt(connection.sender, native.SOL_SOCKET, native.SO_ZEROCOPY, 1),
    )
    const proof = await prove(bench, connection, source, socket =>
      attempt(
        'send(MSG_ZEROCOPY)',
        native.send(socket, source.bytes, native.MSG_ZEROCOPY | native.MSG_DONTWAIT),
      ),
    )
    const completion = new Uint32Array(5)
    await bench.until('recvmsg(MSG_ERRQUEUE)', () => native.receiveError(connection.sender, completion))
    const copied = completion[2] === native.SO_EE_CODE_ZEROCOPY_COPIED
    if (proof === 'by reference' && !copied) {
      return { status: 'ready', reason: 'the completion says that nothing was copied', proof }
    }
    return {
      status: 'limited',
      reason: 'the kernel copies what goes over loopback, and its completion says so',
      remedy:
        'use it towards a NIC with scatter-gather, for sends of 10 KiB or more; nothing avoids the copy on loopback',
      proof,
    }
  },
}
