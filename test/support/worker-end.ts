/** What the end of a worker thread does to others' descriptors: nothing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'

/** More than a worker had open at once. */
const count = 32

/**
 * The worker posts a message when it has closed what it opened, and ends on being told anything. In between other
 * files get the numbers: they must be open afterwards.
 */
export async function endsWithoutClosingOthers(worker: Worker): Promise<void> {
  await once(worker, 'message')
  const fds = Array.from({ length: count }, () => openSync('/dev/null', 'r'))
  const ended = once(worker, 'exit')
  worker.postMessage('end')
  assert.deepEqual(await ended, [0])
  for (const fd of fds) {
    fstatSync(fd)
    closeSync(fd)
  }
}
