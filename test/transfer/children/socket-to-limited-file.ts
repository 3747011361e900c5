/** From a socket to a file that may not become as large; run with a low `ulimit -f`. Prints what went wrong. */
import { errnoName, type SluiceError } from '#sluice/base/errors.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { socketPair } from '../../support/sockets.js'

const [, , to, prefer] = process.argv
const atEnd: (() => unknown)[] = []
const { socket: source, peer } = await socketPair({
  after: action => void atEnd.push(action as () => unknown),
})
peer.socket.end(Buffer.alloc(2_000_000))
try {
  await transfer(socket(source), file(to!), { prefer: prefer as PathName })
} catch (error) {
  const { code, errno, message } = error as SluiceError
  console.log(code, errnoName(errno!), message.match(/ulimit -f/)?.[0])
}
for (const action of atEnd) action()
