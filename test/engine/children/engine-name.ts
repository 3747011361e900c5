/** Sends a file by whatever engine there is; says which, why, and by what path the bytes went. */
import { MiB } from '#sluice/base/units.js'
import { defaultEngine, engineWhy } from '#sluice/engine/default.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { sparseFile } from '../../support/contents.js'
import { socketPair } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const ending: (() => unknown)[] = []
const t = { after: (action: unknown) => void ending.unshift(action as () => unknown) }
const path = sparseFile(temporaryFolder(t), 'file.bin', 8 * MiB, [])
const { socket: sink, peer } = await socketPair(t)
const answer = await transfer(file(path), socket(sink)).then(
  ({ bytes, path: taken }) => ({ bytes, path: taken, engine: defaultEngine()!.name, why: engineWhy() }),
  (error: NodeJS.ErrnoException) => ({ code: error.code, message: error.message }),
)
peer.socket.destroy()
for (const action of ending) action()
console.log(JSON.stringify(answer))
