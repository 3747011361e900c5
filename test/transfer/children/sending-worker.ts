/**
 * A worker thread that sends a file and closes it, says so, and ends when it is told anything; its main thread looks
 * after the descriptors of others. Prints a line if all is well.
 */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { endsWithoutClosingOthers } from '../../support/worker-end.js'

const program = fileURLToPath(import.meta.url)
if (isMainThread) {
  await endsWithoutClosingOthers(new Worker(program))
  console.log('as it should be')
} else {
  await transfer(file(program), socket(new PassThrough({ highWaterMark: 1 << 20 })))
  parentPort!.postMessage('sent')
  await once(parentPort!, 'message')
  parentPort!.close()
}
