/** Files the way a Node program serves them without help: node create-read-stream.js DIRECTORY. */
import { createReadStream, stat } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { announce } from './announce.js'

const directory = process.argv[2]!

const server = createServer((req, res) => {
  const path = join(directory, new URL(req.url!, 'http://localhost').pathname)
  stat(path, (error, stats) => {
    if (error || !stats.isFile()) {
      res.writeHead(404).end()
      return
    }
    res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': stats.size })
    createReadStream(path).pipe(res)
  })
})

announce(server)
