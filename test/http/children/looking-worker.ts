/** A worker thread that opens files by the check, closes them, says so, and ends when it is told anything. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { Opened } from '#sluice/http/opened.js'
import { Root } from '#sluice/http/root.js'

using root = new Root(workerData as string, { calls: null })
for (const purpose of ['look', 'read'] as const) {
  const found = (await root.open('a.txt', purpose)) as Opened
  found.close()
}
await root.open('out', 'look')
parentPort!.postMessage('closed')
await once(parentPort!, 'message')
parentPort!.close()
