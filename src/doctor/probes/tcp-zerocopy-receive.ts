/** TCP_ZEROCOPY_RECEIVE: the pages of the receive queue appear in a mapping of the socket. */
import type { Probe } from '../probe.js'
import { attempt } from '../refusal.js'

export const tcpZerocopyReceive: Probe = {
  name: 'tcp_zerocopy_receive',
  needs: { kernel: 'Linux 4.18 or later, with CONFIG_MMU', locksMemory: true },
  examine: async bench => {
    const { native } = bench
    const length = 4 * native.PAGE_BYTES
    const { sender, receiver } = await bench.connectTcp()
    // Only what the kernel put whole into a page of its own can be mapped: MSG_ZEROCOPY over loopback makes it so.
    attempt('setsockopt(SO_ZEROCOPY)', native.setsockoptInt(sender, native.SOL_SOCKET, native.SO_ZEROCOPY, 1))
    const source = new Uint8Array(length).fill(0x41)
    const sent = attempt(
      'send(MSG_ZEROCOPY)',
      native.send(sender, source, native.MSG_ZEROCOPY | native.MSG_DONTWAIT),
    )
    await bench.until('recv', () =>
      native.recv(receiver, new Uint8Array(1), native.MSG_PEEK | native.MSG_DONTWAIT),
    )
    const mapping = bench.map(receiver, 0, length, native.PROT_READ)
    const answer = new Uint32Array(2)
    attempt('getsockopt(TCP_ZEROCOPY_RECEIVE)', native.tcpZerocopyReceive(receiver, mapping, answer))
    const mapped = answer[0]!
    // A page that was not mapped raises SIGBUS where it is touched: no byte after `mapped` is looked at.
    if (!mapping.subarray(0, mapped).every(byte => byte === source[0])) {
      throw new Error('the mapping shows other bytes than were sent')
    }
    if (mapped === sent) {
      return {
        status: 'ready',
        reason: `${mapped} of ${sent} bytes received were mapped`,
      }
    }
    return {
      status: 'limited',
      reason: `${mapped} of ${sent} bytes received were mapped: only whole, aligned pages can be`,
      remedy:
        'it needs segments of whole pages: an MTU of 4096 and headers, or a NIC that splits headers off',
    }
  },
}
