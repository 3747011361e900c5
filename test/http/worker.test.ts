/** Lookups in worker threads, which Node lets close again whatever `node:fs` opened there. */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { endsWithoutClosingOthers } from '../support/worker-end.js'
import { folderOf } from './support.js'

const program = new URL('./children/looking-worker.js', import.meta.url)

test('a worker that looked files up takes no descriptor with it that is another’s by then', async t => {
  const folder = folderOf(t, { 'root/a.txt': 'a', secret: 's' })
  symlinkSync('../secret', join(folder, 'root', 'out'))
  await endsWithoutClosingOthers(new Worker(program, { workerData: join(folder, 'root') }))
})
