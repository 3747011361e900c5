/** sendfile(2): a file's pages into a TCP and a Unix socket. */
import type { Probe } from '../probe.js'
import { type FileSource, findingOf, memfdSource, pageCacheSource, prove } from '../proof.js'
import { attempt, isRefusal } from '../refusal.js'
import type { Proof } from '../report.js'
import type { Connection, Workbench } from '../workbench.js'

const kinds = { files: pageCacheSource, memfds: memfdSource }

export const sendfile: Probe = {
  name: 'sendfile',
  needs: { kernel: 'Linux 2.6.33 or later' },
  examine: async bench => {
    const connections = [await bench.connectTcp(), bench.connectUnix()]
    const proofs: Proof[] = []
    const tried: string[] = []
    const refusals: { kind: string; error: Error }[] = []
    for (const [kind, open] of Object.entries(kinds)) {
      try {
        for (const connection of connections) proofs.push(await sendFrom(bench, open(bench), connection))
        tried.push(kind)
      } catch (error) {
        // A sandbox may allow one kind of file only: what the other shows still holds.
        if (!isRefusal(error)) throw error
        refusals.push({ kind, error })
      }
    }
    if (tried.length === 0) throw refusals[0]!.error
    const { reason, ...finding } = findingOf(
      proofs.includes('copied') ? 'copied' : 'by reference',
      `pages of ${tried.join(' and ')} go into TCP and Unix sockets`,
    )
    const untried = refusals.map(({ kind, error }) => `${kind} could not be tried (${error.message})`)
    return { ...finding, reason: [reason, ...untried].join('; ') }
  },
}

function sendFrom(bench: Workbench, source: FileSource, connection: Connection): Promise<Proof> {
  return prove(bench, connection, source, socket =>
    attempt('sendfile', bench.native.sendfile(socket, source.fd, 0, source.length)),
  )
}
