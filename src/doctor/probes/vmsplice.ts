/** vmsplice(2): the process's own pages into a pipe, and from there into a socket. */
import type { Probe } from '../probe.js'
import { drain, findingOf, memorySource, prove } from '../proof.js'
import { attempt } from '../refusal.js'

export const vmsplice: Probe = {
  name: 'vmsplice',
  needs: { kernel: 'Linux 2.6.17 or later' },
  examine: async bench => {
    const { native } = bench
    const { output, input } = bench.pipe()
    const source = memorySource(bench)
    const proof = await prove(bench, await bench.connectTcp(), source, socket => {
      const taken = attempt('vmsplice', native.vmsplice(input, source.bytes, native.SPLICE_F_NONBLOCK))
      return drain(bench, output, socket, taken)
    })
    return findingOf(proof, "the process's own pages go into a socket")
  },
}
