/** tee(2): a second pipe that refers to the pages of the first. */
import type { Probe } from '../probe.js'
import { anyFileSource, drain, findingOf, prove } from '../proof.js'
import { attempt } from '../refusal.js'

export const tee: Probe = {
  name: 'tee',
  needs: { kernel: 'Linux 2.6.17 or later' },
  examine: async bench => {
    const { native } = bench
    const original = bench.pipe()
    const twin = bench.pipe()
    const source = anyFileSource(bench)
    const proof = await prove(bench, await bench.connectTcp(), source, socket => {
      const flags = native.SPLICE_F_NONBLOCK
      attempt('splice', native.splice(source.fd, 0, original.input, null, source.length, flags))
      const teed = attempt('tee', native.tee(original.output, twin.input, source.length, flags))
      return drain(bench, twin.output, socket, teed)
    })
    return findingOf(proof, 'a second pipe gets the same pages')
  },
}
