/** A worker that waits in its ring, echoing on a socket, until a doorbell or its end. */
import { parentPort, workerData } from 'node:worker_threads'
import { Region } from '#sluice/memory/region.js'
import { CQE_MORE } from '#sluice/ring/flags.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'

const { socket, bell } = workerData as { socket: number; bell: number }
const ring = new ThreadRing({ entries: 16 })
const region = new Region({ bytes: 4096, name: 'sluice-waiting-worker' })
const memory = ring.use(region)
const buffers = ring.provideBuffers({ group: 0, count: 8, bufferBytes: 64 })
const RECEIVED = 1
const SENT = 2
let rung = 0
ring.submissions.recvMultishot(socket, 0, 0, RECEIVED, 0)
// This one stays in flight and writes to the region, should the worker be terminated.
ring.submissions.poll(socket, 0, 0, 3, 0)
ring.hear(bell, () => {
  rung++
  if (rung === 2) ring.stop()
  else parentPort!.postMessage('rung')
})
parentPort!.postMessage(ring.fd)
ring.run({
  onCompletion(low, high, result, flags) {
    if (low === RECEIVED && result > 0) {
      const number = buffers.take(flags)
      ring.submissions.send(socket, buffers.memory, buffers.offset(number), result, 0, SENT, number)
    } else if (low === SENT) buffers.give(high)
    else if (low === 77) parentPort!.postMessage(`message ${result}`)
    if (low === RECEIVED && (flags & CQE_MORE) === 0 && !ring.closing) throw new Error(`ended with ${result}`)
  },
})
await ring.close()
memory.release()
await region.close()
parentPort!.postMessage('closed')
