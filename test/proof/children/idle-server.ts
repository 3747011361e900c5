/** Serves one file, plainly or by sluice; tells its resident memory, in KiB, when a line comes on standard input. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { serveStatic } from '#sluice/http/index.js'

const [kind, folder] = process.argv.slice(2) as ['plain' | 'sluice', string]
const page = readFileSync(`${folder}/page.txt`)
const handler = serveStatic(folder)
const server = createServer(
  kind === 'sluice'
    ? handler
    : (_req, res) => res.writeHead(200, { 'Content-Length': page.length }).end(page),
)
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as { port: number }).port}`))

createInterface(process.stdin).on('line', () => {
  globalThis.gc!()
  const status = readFileSync('/proc/self/status', 'utf8')
  console.log(`resident ${/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]}`)
})
