/** Serves a folder by an engine until it is told to end, and prints the port. */
import { createFileServer } from '#sluice/server/index.js'

const [root, engine] = process.argv.slice(2) as [string, 'ring' | 'poll']
const server = await createFileServer({ root, engine })
process.on('SIGTERM', () => void server.close())
console.log(`port ${server.address.port}`)
