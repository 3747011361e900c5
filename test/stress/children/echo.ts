/** Sends back what it gets, in a process of its own, so that its descriptors are not the test's. */
import { type AddressInfo, createServer } from 'node:net'

const server = createServer(socket => socket.on('error', () => {}).pipe(socket))
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`),
)
