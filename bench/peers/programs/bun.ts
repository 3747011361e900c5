/** Files by Bun: bun bun.js (fetch | routes) DIRECTORY. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** As much of Bun's API as is used here: https://bun.com/docs/api/http. */
declare const Bun: {
  file(path: string): Blob
  serve(options: {
    hostname: string
    port: number
    routes?: Record<string, Response>
    fetch(request: Request): Response
  }): { port: number }
}

const [, , style, root] = process.argv
const directory = root!
const where = { hostname: '127.0.0.1', port: 0 }

const server =
  style === 'routes'
    ? Bun.serve({ ...where, routes: routes(), fetch: () => new Response(null, { status: 404 }) })
    : Bun.serve({
        ...where,
        fetch: request => new Response(Bun.file(join(directory, new URL(request.url).pathname))),
      })

function routes(): Record<string, Response> {
  return Object.fromEntries(
    readdirSync(directory).map(name => [`/${name}`, new Response(Bun.file(join(directory, name)))]),
  )
}

console.log(`listening on http://127.0.0.1:${server.port}`)
