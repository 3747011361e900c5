/** Sends leases to a socket by the path that is named, and prints how many bytes a peer that reads has received. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { holdSocket } from '#sluice/transfer/ends/socket-hold.js'
import { holdMemory } from '#sluice/transfer/memory-pieces.js'
import { type MemoryPath, sendMemory } from '../../support/memory-flows.js'

const path = process.argv[2] as MemoryPath
const leases = Number(process.argv[3])

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const accepted = once(server, 'connection')
const peer = connect((server.address() as { port: number }).port, '127.0.0.1')
const [socket] = (await accepted) as [Socket]
let bytes = 0
peer.on('data', chunk => {
  bytes += chunk.length
})
const pool = new Pool({ slots: 2, slotBytes: 1 * MiB })
const cpuBefore = process.cpuUsage()
for (let count = 0; count < leases; count++) {
  await sendMemory(path, await holdSocket(socket), holdMemory(memory(await pool.take())))
}
const { user, system } = process.cpuUsage(cpuBefore)
socket.end()
await once(peer, 'close')
server.close()
console.log(`received ${bytes}, ${user + system} us`)
