/** Files out of memory by node:http, as cheap as it gets there: node node-http.js DIRECTORY. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { announce } from './announce.js'

const directory = process.argv[2]!

const files = new Map(
  readdirSync(directory).map((name): [string, Buffer] => [`/${name}`, readFileSync(join(directory, name))]),
)

const server = createServer((req, res) => {
  const bytes = files.get(req.url!)
  if (bytes === undefined) {
    res.writeHead(404).end()
    return
  }
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length })
  res.end(bytes)
})

announce(server)
