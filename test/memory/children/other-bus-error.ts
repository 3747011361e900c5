/** Meets a SIGBUS that has nothing to do with a mapped file, after one that had. */
import { once } from 'node:events'
import { openSync, truncateSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

const [path, situation] = process.argv.slice(2) as [string, string]
if (situation === 'worker-ended') {
  await once(new Worker(new URL('map-once-worker.js', import.meta.url), { workerData: path }), 'exit')
  console.log('ready')
} else {
  const { mapFile } = await import('#sluice/memory/mapped-file.js')
  const { native } = await import('#sluice/native/load.js')
  for (let round = 0; round < 6 && situation === 'listened'; round++) {
    mapFile(path).close()
    process.on('SIGBUS', () => {}).removeAllListeners('SIGBUS')
  }
  const file = mapFile(path)
  const shared = native!.mapShared(openSync(path, 'r'), 0, 8192, native!.PROT_READ, 0) as ArrayBuffer
  truncateSync(path, 0)
  if (file.bytes[0] !== 0 || !file.truncated) throw new Error('the mapped file was not guarded')
  console.log('ready')
  if (situation === 'fault') console.log('survived', new Uint8Array(shared)[0])
}
setTimeout(() => console.log('survived'), 30_000)
