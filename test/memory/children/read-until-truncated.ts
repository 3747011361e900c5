/** Reads a mapped file in a loop, in the thread asked for, until it is cut. Prints the error, the first and the last byte. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { mapFile } from '#sluice/memory/mapped-file.js'

const [path, thread] = isMainThread ? process.argv.slice(2) : [workerData as string]
if (thread === 'worker') new Worker(new URL(import.meta.url), { workerData: path })
else readUntilTruncated(path!)

function readUntilTruncated(path: string): void {
  const file = mapFile(path)
  let zeros = false
  const read = (): void => {
    for (let round = 0; round < 100 && !zeros; round++) {
      for (let offset = 0; offset < file.byteLength; offset += 512) {
        if (file.bytes[offset] === 0) zeros = true
      }
    }
    if (!zeros) return void setImmediate(read)
    try {
      file.check()
    } catch (error) {
      console.log((error as { code: string }).code, file.bytes[0], file.bytes.at(-1))
    }
    file.close()
  }
  console.log('reading')
  read()
}
