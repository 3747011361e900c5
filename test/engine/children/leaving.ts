/** Ends a transfer in the way that its argument names, and must then end by itself, saying a line. */
import { MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { sparseFile } from '../../support/contents.js'
import { connectTo, listener } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const way = process.argv[2]
const ending: (() => unknown)[] = []
const t = { after: (action: unknown) => void ending.push(action as () => unknown) }
const path = sparseFile(temporaryFolder(t), 'file.bin', (way === 'done' ? 1 : 16) * MiB, [])
const server = await listener({ after() {} })
const { socket: sink, peer } = await connectTo({ after() {} }, server, { reading: way === 'done' })
sink.on('error', () => {})
server.close()
const controller = new AbortController()
const sent = transfer(file(path), socket(sink), { signal: controller.signal })
if (way === 'destroyed') setTimeout(() => sink.destroy(), 20)
if (way === 'reset') setTimeout(() => peer.socket.resetAndDestroy(), 20)
if (way === 'aborted') setTimeout(() => controller.abort(), 20)
if (way === 'exit') {
  setTimeout(() => {
    console.log('last words')
    process.exit()
  }, 20)
}
if (way === 'unreferenced') {
  // Neither socket keeps the process; the transfer does, until a timer that does not keep it either ends it.
  sink.unref()
  peer.socket.unref()
  setTimeout(() => peer.socket.resume(), 50)
}
await sent.catch(() => {})
sink.destroy()
peer.socket.destroy()
for (const action of ending) action()
console.log('last words')
