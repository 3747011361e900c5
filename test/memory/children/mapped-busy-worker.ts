/** A worker thread that reads a mapped file until it is terminated, and closes nothing. */
import { parentPort, workerData } from 'node:worker_threads'
import { mapFile } from '#sluice/memory/mapped-file.js'

const file = mapFile(workerData as string)
parentPort!.postMessage('busy')
for (let offset = 0; ; offset = (offset + 512) % file.byteLength) {
  if (file.bytes[offset]! > 1) throw new Error('a byte that was never in the file')
}
