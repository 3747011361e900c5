/**
 * The upstream of a soak, or its mirror, as a process that can be killed:
 *
 *     node upstream-process.js SEED PORT upstream|mirror STALL_MS
 *
 * A mirror only receives, and stalls for STALL_MS now and then. Prints a line of JSON for every connection that is over.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { KiB } from '#sluice/base/units.js'
import { headBytes, idIn, planOf } from './plan.js'
import { Reference } from './reference.js'
import { emptyReport, receive, runSide, type SideReport } from './side.js'

const [seed, port, stallMs] = [process.argv[2], process.argv[3], process.argv[5]].map(Number)
const isMirror = process.argv[4] === 'mirror'

const server = createServer({ allowHalfOpen: true }, socket => {
  socket.on('error', () => {})
  const onReadable = (): void => {
    const head = socket.read(headBytes) as Buffer | null
    if (head === null) return
    socket.off('readable', onReadable).off('end', onEnd)
    const id = idIn(head)
    run(socket, id).then(report => process.stdout.write(`${JSON.stringify({ id, ...report })}\n`))
  }
  // Who ends before its head is through has nobody to answer.
  const onEnd = (): void => void socket.off('readable', onReadable).end()
  socket.on('readable', onReadable).once('end', onEnd)
})
server.listen(port, '127.0.0.1', () =>
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`),
)

async function run(socket: Socket, id: number): Promise<SideReport> {
  const expects = new Reference({ seed: seed!, id, way: 'to upstream' })
  const report = emptyReport()
  if (!isMirror) {
    const sends = new Reference({ seed: seed!, id, way: 'to client' })
    await runSide({ socket, plan: planOf(seed!, id).upstream, sends, expects, report })
    return report
  }
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.once('end', () => {
    report.sawEnd = true
    socket.end()
  })
  receive(socket, { stallEvery: 200 * KiB, stallMs: stallMs! }, expects, report)
  await closed
  return report
}
