import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { benchCache } from '../project.js'
import { type Found, type Peer, versionOf } from './peer.js'

const program = fileURLToPath(new URL('programs/bun.js', import.meta.url))

export const bun: Peer = {
  name: 'bun',
  setup: '`Bun.serve` with a fetch handler that returns `new Response(Bun.file(path))`',
  find: () => findBun('fetch'),
}

export const bunRoutes: Peer = {
  name: 'bun-routes',
  setup: '`Bun.serve` with a static route of `new Response(Bun.file(path))` for each file',
  find: () => findBun('routes'),
}

function findBun(style: 'fetch' | 'routes'): Found {
  for (const binary of binaries()) {
    const version = versionOf(binary, '--version')
    if (version === null) continue
    return { version, command: ({ directory }) => ({ argv: [binary, program, style, directory] }) }
  }
  return { missing: 'Bun is not installed, or not for this processor: npm run bench:setup' }
}

/**
 * The npm package holds one binary for each processor and C library, in packages of their own. npm installs the
 * ones for this system, and the first one that runs is the right one; those for older processors come last.
 */
function binaries(): string[] {
  const packages = join(benchCache, 'node_modules', '@oven')
  const names = existsSync(packages) ? readdirSync(packages) : []
  const byPreference = names.sort((a, b) => a.length - b.length)
  return [...byPreference.map(name => join(packages, name, 'bin', 'bun')), 'bun']
}
