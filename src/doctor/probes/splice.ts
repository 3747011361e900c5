/** splice(2): pages through a pipe, from a file and from another socket. */
import { constants } from 'node:os'
import { MiB } from '../../base/units.js'
import type { Probe } from '../probe.js'
import { anyFileSource, drain, findingOf, prove } from '../proof.js'
import { attempt } from '../refusal.js'
import type { Workbench } from '../workbench.js'

/** What a relay in bulk gains from; an ordinary user's limit unless it was lowered (sysctl fs.pipe-max-size). */
const pipeBytes = MiB

export const splice: Probe = {
  name: 'splice',
  needs: { kernel: 'Linux 2.6.17 or later' },
  examine: async bench => {
    const { native } = bench
    const { output, input } = bench.pipe()
    const [first, second] = [await bench.connectTcp(), await bench.connectTcp()]
    const source = anyFileSource(bench)
    const proof = await prove(bench, first, source, socket => {
      const taken = native.splice(source.fd, 0, input, null, source.length, native.SPLICE_F_NONBLOCK)
      return drain(bench, output, socket, attempt('splice', taken))
    })
    await relay(bench, first, { output, input }, second)
    const finding = findingOf(proof, 'pages of files and sockets go to a socket')
    if (native.fcntl(input, native.F_SETPIPE_SZ, pipeBytes) !== -constants.errno.EPERM) return finding
    return {
      ...finding,
      status: 'limited',
      reason: `${finding.reason}, but a pipe may not grow to ${pipeBytes / MiB} MiB, with which fewer calls move more`,
      remedy: `as root: sysctl -w fs.pipe-max-size=${pipeBytes} fs.pipe-user-pages-soft=65536`,
    }
  },
}

/** From one connection into another, as a relay does. @throws Refusal */
async function relay(
  bench: Workbench,
  from: { sender: number; receiver: number },
  { output, input }: { output: number; input: number },
  to: { sender: number; receiver: number },
): Promise<void> {
  const { native } = bench
  const greeting = Buffer.from('relayed')
  attempt('send', native.send(from.sender, greeting, native.MSG_DONTWAIT))
  const taken = await bench.until('splice', () =>
    native.splice(from.receiver, null, input, null, greeting.length, native.SPLICE_F_NONBLOCK),
  )
  drain(bench, output, to.sender, taken)
  await bench.receive(to.receiver, taken)
}
