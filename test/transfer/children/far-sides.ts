/** In a thread of its own: writes to one connection what it is told to, and reads whatever comes on another. */
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

const { port } = workerData as { port: number }
const writer = connect(port, '127.0.0.1')
writer.once('connect', () => connect(port, '127.0.0.1').resume())
parentPort!.on('message', (bytes: number) => {
  if (bytes > 0) writer.write(Buffer.alloc(bytes))
  else writer.end()
})
