import { fileURLToPath } from 'node:url'
import type { Peer, RelaySite } from './peer.js'

const program = fileURLToPath(new URL('programs/pipe.js', import.meta.url))

export const pipe: Peer<RelaySite> = {
  name: 'a.pipe(b)',
  setup: 'node:net, `client.pipe(upstream)` and back',
  find: () => ({
    version: `node ${process.versions.node}`,
    command: ({ upstream }) => ({ argv: [process.execPath, program, String(upstream)] }),
  }),
}
