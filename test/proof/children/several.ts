/** Passes what arrives on its first connection to the port on to two more and to a file. Arguments: port, file, path. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { file, socket, transfer } from '#sluice/index.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

const [port, name, prefer] = process.argv.slice(2)
const sockets: Socket[] = []
for (let count = 0; count < 3; count++) {
  const connection = connect(Number(port), '127.0.0.1')
  await once(connection, 'connect')
  sockets.push(connection)
}
const [source, first, second] = sockets as [Socket, Socket, Socket]
const sent = transfer(socket(source), [socket(first), socket(second), file(name!)], {
  prefer: prefer as PathName,
})
console.log('ready')
const { path, bytes } = await sent
first.end()
second.end()
console.log(`done ${path} ${bytes}`)
