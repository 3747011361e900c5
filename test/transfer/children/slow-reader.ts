/** Listens, reads one connection slowly, and prints the number and the hash of what came. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'

const hash = createHash('sha256')
let bytes = 0
const server = createServer(socket => {
  server.close()
  socket.on('data', chunk => {
    hash.update(chunk)
    bytes += chunk.length
    socket.pause()
    setTimeout(() => socket.resume(), 1)
  })
  socket.on('end', () => console.log(`received ${bytes} ${hash.digest('hex')}`))
})
server.listen(0, '0.0.0.0', () => console.log(`port ${(server.address() as { port: number }).port}`))
