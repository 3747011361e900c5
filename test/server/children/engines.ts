/** Serves by each engine in turn and prints what came of it. */
import { createFileServer } from '#sluice/server/index.js'

const root = process.argv[2]!
const lines: object[] = []
for (const asked of ['auto', 'ring', 'poll'] as const) {
  try {
    const server = await createFileServer({ root, engine: asked, cacheBytes: 1 << 20 })
    const { engine, engineMissing: missing } = server
    const response = await fetch(`http://127.0.0.1:${server.address.port}/a.txt`)
    lines.push({ asked, engine, missing, answered: await response.text() })
    await server.close()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    lines.push({ asked, code, message })
  }
}
console.log(JSON.stringify(lines))
