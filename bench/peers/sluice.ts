import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../project.js'
import type { Found, Peer } from './peer.js'

const command = join(projectRoot, 'bin', 'sluice.js')

export const sluice: Peer = {
  name: 'sluice',
  setup: '`sluice serve`, on the engine that `auto` finds',
  find: () => findSluice(({ directory }) => ['serve', directory, '--host', '127.0.0.1', '--port', '0']),
}

/** Shares a core with the load, so that what a request costs says more than how many there are. */
export const sluiceTwo: Peer = {
  name: 'sluice-2',
  setup: '`sluice serve --threads 2`, on the core of the load as well',
  allCores: true,
  find: () =>
    findSluice(({ directory }) => [
      'serve',
      directory,
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--threads',
      '2',
    ]),
}

/** By the arguments of the command. */
export function findSluice<Place>(argumentsFor: (place: Place) => readonly string[]): Found<Place> {
  if (!existsSync(command)) return { missing: 'bin/sluice.js does not exist' }
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string
  }
  return {
    version: `${version} on node ${process.versions.node}`,
    command: place => ({ argv: [process.execPath, command, ...argumentsFor(place)] }),
  }
}
