import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { benchCache } from '../project.js'
import type { Peer } from './peer.js'

const program = fileURLToPath(new URL('programs/send.js', import.meta.url))

export const sendPeer: Peer = {
  name: 'send',
  setup: '`send(req, path, { root }).pipe(res)` on node:http, as Express serves files',
  find() {
    const entry = resolveSend()
    if (entry === null) return { missing: 'the npm package send is not installed: npm run bench:setup' }
    const manifest = readFileSync(join(entry, '..', 'package.json'), 'utf8')
    const { version } = JSON.parse(manifest) as { version: string }
    return {
      version: `${version} on node ${process.versions.node}`,
      command: ({ directory }) => ({ argv: [process.execPath, program, entry, directory] }),
    }
  },
}

/** The package's main file, from the benchmark's own packages or else the project's; null where it is in neither. */
function resolveSend(): string | null {
  try {
    return createRequire(join(benchCache, 'package.json')).resolve('send')
  } catch {
    return null
  }
}
