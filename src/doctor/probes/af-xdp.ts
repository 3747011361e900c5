/** AF_XDP: a packet socket whose memory (UMEM) is the program's. It is bound to no interface here. */
import { grant } from '../explain.js'
import type { Probe } from '../probe.js'
import { attempt } from '../refusal.js'
import { Structure } from '../structure.js'

/** struct xdp_umem_reg, in bytes. */
const umem = { bytes: 32, address: 0, length: 8, frameBytes: 16 }
const frames = 4

export const afXdp: Probe = {
  name: 'af_xdp',
  needs: {
    kernel: 'Linux 4.18 or later, with CONFIG_XDP_SOCKETS',
    capability: { name: 'CAP_NET_RAW', call: 'socket(AF_XDP)' },
    locksMemory: true,
  },
  examine: bench => {
    const { native } = bench
    const type = native.SOCK_RAW | native.SOCK_CLOEXEC
    const socket = bench.own('socket(AF_XDP)', native.socket(native.AF_XDP, type, 0))
    const bytes = frames * native.PAGE_BYTES
    const memory = bench.map(
      bench.memfd(new Uint8Array(bytes)),
      0,
      bytes,
      native.PROT_READ | native.PROT_WRITE,
    )
    const request = new Structure(umem.bytes)
    request.set64(umem.address, native.addressOf(memory))
    request.set64(umem.length, bytes)
    request.set32(umem.frameBytes, native.PAGE_BYTES)
    attempt(
      'setsockopt(XDP_UMEM_REG)',
      native.setsockoptBytes(socket, native.SOL_XDP, native.XDP_UMEM_REG, request.bytes),
    )
    const lacking = (['CAP_NET_ADMIN', 'CAP_BPF'] as const).filter(
      name => !bench.around.capabilities.includes(name),
    )
    if (lacking.length === 0) {
      return {
        status: 'ready',
        reason: 'a socket took our memory; binding it shows whether a NIC fills it without copying',
      }
    }
    return {
      status: 'limited',
      reason: `a socket took our memory, but without ${lacking.join(' and ')} no packet can be steered to it`,
      remedy: grant(lacking[0]!),
    }
  },
}
