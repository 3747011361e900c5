import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, freePort, type Peer, type RelaySite, versionOf } from './peer.js'

/** Debian keeps it out of an ordinary user's PATH. */
const places = ['haproxy', '/usr/sbin/haproxy', '/usr/local/sbin/haproxy']

export const haproxy: Peer<RelaySite> = {
  name: 'haproxy',
  setup: 'mode tcp, one thread, always splicing (`splice-request`, `splice-response`), no log',
  find: () => findHaproxy('splice'),
}

export const haproxyCopy: Peer<RelaySite> = {
  name: 'haproxy-copy',
  setup: 'the same, always copying (`nosplice`)',
  find: () => findHaproxy('copy'),
}

type Way = 'splice' | 'copy'

function findHaproxy(way: Way): ReturnType<typeof haproxy.find> {
  for (const place of places) {
    const version = /version (\S+)/.exec(versionOf(place, '-v') ?? '')?.[1]
    if (version !== undefined) return { version, command: site => start(place, way, site) }
  }
  return { missing: 'HAProxy is not installed: npm run bench:setup' }
}

async function start(binary: string, way: Way, site: RelaySite): Promise<Command> {
  const port = await freePort()
  const file = join(site.scratch, 'haproxy.cfg')
  await writeFile(file, configuration(way, site, port))
  // In the foreground, without a process that watches over it.
  return { argv: [binary, '-db', '-f', file], port }
}

/**
 * `splice-auto` leaves it to HAProxy to guess what is worth it, which mostly means copying here. By `maxconn` it takes
 * descriptors when it starts: no more than a trial needs.
 */
function configuration(way: Way, { upstream }: RelaySite, port: number): string {
  return `global
  nbthread 1
  maxconn 4000
${way === 'copy' ? '  nosplice\n' : ''}defaults
  mode tcp
${way === 'splice' ? '  option splice-request\n  option splice-response\n' : ''}  timeout connect 5s
  timeout client 10m
  timeout server 10m

listen relay
  bind 127.0.0.1:${port}
  server upstream 127.0.0.1:${upstream}
`
}
