import { fileURLToPath } from 'node:url'
import type { Peer } from './peer.js'

const program = fileURLToPath(new URL('programs/node-http.js', import.meta.url))

export const nodeHttp: Peer = {
  name: 'node:http',
  setup: '`res.end(buffer)` on node:http, the files read before',
  find: () => ({
    version: `node ${process.versions.node}`,
    command: ({ directory }) => ({ argv: [process.execPath, program, directory] }),
  }),
}
