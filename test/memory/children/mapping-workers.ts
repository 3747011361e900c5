/** Several threads that map, cut, read and close files of their own; fails where one sees another's bytes. */
import { once } from 'node:events'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { mapFile } from '#sluice/memory/mapped-file.js'

const threads = 4
const rounds = 300

if (isMainThread) {
  const folder = process.argv[2]!
  const workers = Array.from({ length: threads }, (_, index) => {
    return new Worker(new URL(import.meta.url), { workerData: { folder, index } })
  })
  await Promise.all(workers.map(worker => once(worker, 'exit')))
} else {
  const { folder, index } = workerData as { folder: string; index: number }
  mapAndCut(join(folder, `${index}`), index + 1)
}

function mapAndCut(path: string, mark: number): void {
  const contents = Buffer.alloc(4 * 4096, mark)
  for (let round = 0; round < rounds; round++) {
    writeFileSync(path, contents)
    const whole = mapFile(path)
    const cut = mapFile(path, { start: 4096 })
    if (!whole.bytes.every(byte => byte === mark)) throw new Error('bytes are not the file’s')
    whole.check()
    truncateSync(path, 4096 * (1 + (round % 2)))
    if (cut.bytes.at(-1) !== 0 || !cut.truncated) throw new Error('the cut was not noticed')
    if (whole.bytes[0] !== mark) throw new Error('bytes before the cut are not the file’s')
    whole.close()
    cut.close()
  }
}
