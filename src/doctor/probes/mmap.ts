/** mmap(2) and send(2): a file's page cache as memory, which send copies once. */
import type { Probe } from '../probe.js'
import { mappedSource, prove } from '../proof.js'
import { attempt } from '../refusal.js'

export const mmap: Probe = {
  name: 'mmap',
  needs: { kernel: 'any Linux' },
  examine: async bench => {
    const { native } = bench
    const source = mappedSource(bench)
    const proof = await prove(bench, await bench.connectTcp(), source, socket =>
      attempt('send', native.send(socket, source.bytes, native.MSG_DONTWAIT)),
    )
    return {
      status: 'ready',
      reason: 'a mapped file is sent unread, copied once',
      proof,
    }
  },
}
