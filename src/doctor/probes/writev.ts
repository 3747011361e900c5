/** writev(2): many buffers in one call, copied once. */
import type { Probe } from '../probe.js'
import { memorySource, prove } from '../proof.js'
import { attempt } from '../refusal.js'

export const writev: Probe = {
  name: 'writev',
  needs: { kernel: 'any Linux' },
  examine: async bench => {
    const source = memorySource(bench)
    const half = source.length / 2
    const buffers = [source.bytes.subarray(0, half), source.bytes.subarray(half)]
    const proof = await prove(bench, await bench.connectTcp(), source, socket =>
      attempt('writev', bench.native.writev(socket, buffers)),
    )
    return {
      status: 'ready',
      reason: 'many buffers go in a call, copied once',
      proof,
    }
  },
}
