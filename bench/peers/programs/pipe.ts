/** A proxy as one writes it in Node: node pipe.js PORT, the port that connections go to. */
import { type AddressInfo, connect, createServer } from 'node:net'

const port = Number(process.argv[2])
const options = { allowHalfOpen: true, noDelay: true }

const server = createServer(options, client => {
  const upstream = connect({ ...options, port, host: '127.0.0.1' })
  client.on('error', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
  client.pipe(upstream)
  upstream.pipe(client)
})

server.listen(0, '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`)
})
