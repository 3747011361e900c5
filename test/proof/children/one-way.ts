/** On SIGUSR2, moves a file, or what comes on a connection, to another connection or a file, by the path named last. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { file, socket, transfer } from '#sluice/index.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

const [port, from = '', to = '', path] = process.argv.slice(2)
const source = await connection()
const sink = await connection()
const begun = once(process, 'SIGUSR2')
// A signal that is waited for does not keep the process.
const alive = setInterval(() => {}, 1000)
console.log('ready')
await begun
clearInterval(alive)
const sent = transfer(
  from === 'connection' ? socket(source) : file(from),
  to === 'connection' ? socket(sink) : file(to),
  { prefer: path as PathName },
)
// What comes before this Node would read by itself.
console.log('moving')
const { bytes, path: taken } = await sent
console.log(`done ${taken} ${bytes}`)
source.destroy()
sink.end(() => sink.destroy())

async function connection(): Promise<Socket> {
  const made = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  await once(made, 'connect')
  return made
}
