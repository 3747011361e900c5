/** Files by the npm package send: node send.js PATH-OF-THE-PACKAGE DIRECTORY. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { announce } from './announce.js'

type Send = (
  req: IncomingMessage,
  path: string,
  options: { root: string },
) => { pipe(res: ServerResponse): void }

const [, , entry, root] = process.argv
const send = createRequire(import.meta.url)(entry!) as Send

const server = createServer((req, res) => {
  send(req, new URL(req.url!, 'http://localhost').pathname, { root: root! }).pipe(res)
})

announce(server)
