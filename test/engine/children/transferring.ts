/** A worker with transfers of every kind in flight, to peers that do not read; says so, and goes on until it is ended. */
import { open } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { MiB } from '#sluice/base/units.js'
import { file, type SinkTarget, socket } from '#sluice/transfer/ends/endpoints.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { evict, sparseFile } from '../../support/contents.js'
import { connectTo, listener } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

// The folder goes at once: open files need no name.
const ending: (() => unknown)[] = []
const t = { after: (action: unknown) => void ending.push(action as () => unknown) }
const path = sparseFile(temporaryFolder(t), 'file.bin', 64 * MiB, [])
evict(path)
const handle = await open(path)
const server = await listener({ after() {} })
for (const prefer of sendPathNames) {
  for (const from of [path, handle]) {
    for (const sinkOf of [(sink: SinkTarget) => sink, descriptorOf]) {
      const { socket: sink } = await connectTo({ after() {} }, server, { reading: false })
      await new Promise<void>((resolve, reject) => {
        transfer(file(from), socket(sinkOf(sink)), { prefer, onProgress: () => resolve() }).catch(reject)
      })
    }
  }
}
for (const action of ending) action()
parentPort!.postMessage('in flight')
