import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nginxPlaces } from './nginx.js'
import { type Command, freePort, type Peer, type RelaySite, versionOf } from './peer.js'

export const nginxStream: Peer<RelaySite> = {
  name: 'nginx',
  setup: '`stream` with one worker, `proxy_half_close on`, else the default buffers of 16 KiB, no log',
  find() {
    for (const place of nginxPlaces) {
      const built = versionOf(place, '-V')
      if (built === null) continue
      const module = streamModule(built)
      if (module === null) return { missing: "nginx has no module 'stream': npm run bench:setup" }
      const version = /nginx version: nginx\/(\S+)/.exec(built)?.[1] ?? 'unknown'
      return { version, command: site => start(place, module, site) }
    }
    return { missing: 'nginx is not installed: npm run bench:setup' }
  },
}

/** The module's file; empty where it is compiled in, null where it is not there at all. By the words of `nginx -V`. */
function streamModule(built: string): string | null {
  if (/--with-stream(\s|$)/.test(built)) return ''
  const directory = /--modules-path=(\S+)/.exec(built)?.[1]
  if (directory === undefined) return null
  const file = join(directory, 'ngx_stream_module.so')
  return existsSync(file) ? file : null
}

async function start(binary: string, module: string, site: RelaySite): Promise<Command> {
  const port = await freePort()
  await writeFile(join(site.scratch, 'nginx.conf'), configuration(module, site, port))
  return { argv: [binary, '-e', 'stderr', '-p', `${site.scratch}/`, '-c', 'nginx.conf'], port }
}

function configuration(module: string, { upstream }: RelaySite, port: number): string {
  return `${module === '' ? '' : `load_module "${module}";\n`}daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {
  worker_connections 4096;
}
stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${upstream};
    proxy_half_close on;
  }
}
`
}
