import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, freePort, type Peer, type Site, versionOf } from './peer.js'

/** Debian keeps it out of an ordinary user's PATH. */
export const nginxPlaces = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx']

export const nginx: Peer = {
  name: 'nginx',
  setup: 'one worker, sendfile, tcp_nopush, open_file_cache, no log',
  find() {
    for (const place of nginxPlaces) {
      const version = versionOf(place, '-v')
      if (version === null) continue
      return {
        version: version.replace('nginx version: nginx/', ''),
        command: site => start(place, site),
      }
    }
    return { missing: 'nginx is not installed: npm run bench:setup' }
  },
}

async function start(binary: string, site: Site): Promise<Command> {
  const port = await freePort()
  await mkdir(join(site.scratch, 'temporary'))
  await writeFile(join(site.scratch, 'nginx.conf'), configuration(site, port))
  return { argv: [binary, '-e', 'stderr', '-p', `${site.scratch}/`, '-c', 'nginx.conf'], port }
}

/** Connections and files stay open for as long as a trial lasts, which is what the other servers do. */
function configuration({ directory }: Site, port: number): string {
  return `daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {
  worker_connections 4096;
}
http {
  default_type application/octet-stream;
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  client_body_temp_path temporary/body;
  proxy_temp_path temporary/proxy;
  fastcgi_temp_path temporary/fastcgi;
  uwsgi_temp_path temporary/uwsgi;
  scgi_temp_path temporary/scgi;
  server {
    listen 127.0.0.1:${port};
    root "${directory}";
  }
}
`
}
