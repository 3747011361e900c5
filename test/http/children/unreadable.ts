/** Serves the folder given, whose `a.txt` this process may not read, and prints what the client sees. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveStatic } from '#sluice/http/index.js'
import { ask } from '../support.js'

const server = http.createServer(serveStatic(process.argv[2]!, { listing: true }))
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo
const statuses = [
  (await ask(port, '/a.txt')).status,
  (await ask(port, '/a.txt', { method: 'HEAD' })).status,
  (await ask(port, '/a.txt', { headers: { 'If-None-Match': '*' } })).status,
  (await ask(port, '/b.txt')).status,
  (await ask(port, '/closed/x')).status,
]
const listing = (await ask(port, '/')).body.toString()
console.log(
  JSON.stringify({ statuses, listed: [...listing.matchAll(/href="\.\/([^"]+)"/g)].map(match => match[1]) }),
)
server.close()
