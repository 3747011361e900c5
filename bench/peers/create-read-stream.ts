import { fileURLToPath } from 'node:url'
import type { Peer } from './peer.js'

const program = fileURLToPath(new URL('programs/create-read-stream.js', import.meta.url))

export const createReadStreamPeer: Peer = {
  name: 'createReadStream',
  setup: '`createReadStream(path).pipe(res)` on node:http, after stat for Content-Length',
  find: () => ({
    version: `node ${process.versions.node}`,
    command: ({ directory }) => ({ argv: [process.execPath, program, directory] }),
  }),
}
