/** A worker that maps a file, finds it cut, and ends. */
import { truncateSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { mapFile } from '#sluice/memory/mapped-file.js'

const file = mapFile(workerData as string)
truncateSync(workerData as string, 0)
if (file.bytes[0] !== 0 || !file.truncated) throw new Error('the mapped file was not guarded')
