/** A ring that a worker thread waits in. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Doorbell } from '#sluice/ring/doorbell.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { descriptors, mappings } from '../memory/support.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { calls, needsRing, pair, TestRing } from './support.js'

const program = new URL('children/waiting-worker.js', import.meta.url)

async function startWorker(
  t: TestContext,
): Promise<{ worker: Worker; bell: Doorbell; peer: number; ring: number }> {
  const bell = new Doorbell()
  t.after(() => bell.close())
  const [socket, peer] = pair(t)
  const worker = new Worker(program, { workerData: { socket, bell: bell.fd } })
  const [ring] = (await once(worker, 'message')) as [number]
  return { worker, bell, peer, ring }
}

test('a worker serves while it waits, hears its doorbell and messages, and stops', needsRing, async t => {
  const { worker, bell, peer, ring } = await startWorker(t)
  const got = Buffer.alloc(64)
  for (const text of ['one', 'two', 'three']) {
    assert.equal(calls.send(peer, Buffer.from(text), 0), text.length)
    assert.equal(calls.recv(peer, got, 0), text.length)
    assert.equal(got.toString('utf8', 0, text.length), text)
  }
  bell.ring()
  assert.deepEqual(await once(worker, 'message'), ['rung'])
  const other = new TestRing(t)
  other.submissions.message(ring, 77, 0, 123, 1, 0)
  assert.equal(other.result(), 0)
  assert.deepEqual(await once(worker, 'message'), ['message 123'])
  // Both may be told of at once.
  const [closed, exited] = [once(worker, 'message'), once(worker, 'exit')]
  bell.ring()
  assert.deepEqual(await closed, ['closed'])
  await exited
  bell.close()
  bell.ring()
})

test('a worker that waits can be terminated, and leaves nothing behind', needsRing, async t => {
  const before = openDescriptors()
  const { worker, bell, peer } = await startWorker(t)
  await worker.terminate()
  assert.equal(mappings('sluice-waiting-worker') + descriptors('sluice-waiting-worker'), 0)
  // What comes now is for nobody, and goes nowhere.
  assert.equal(calls.send(peer, Buffer.from('late'), 0), 4)
  bell.close()
  await descriptorsBackTo([...before, 'socket', 'socket'])
})

test('waiting ends with its time', needsRing, async () => {
  const ring = new ThreadRing({ entries: 1 })
  const before = performance.now()
  ring.wait(30)
  assert.ok(performance.now() - before >= 29)
  await ring.close()
})

test('run() ends when the handler stops it, after the completions that it has', needsRing, async () => {
  const ring = new ThreadRing({ entries: 8 })
  const seen: number[] = []
  for (let index = 0; index < 4; index++) ring.submissions.nop(index, 0)
  ring.run({
    onCompletion(low) {
      seen.push(low)
      ring.stop()
    },
  })
  assert.deepEqual(seen, [0, 1, 2, 3])
  ring.submissions.nop(4, 0)
  assert.throws(
    () =>
      ring.run({
        onCompletion() {
          throw new Error('by the handler')
        },
      }),
    /by the handler/,
  )
  await ring.close()
})

test('the kernel’s own thread takes submissions', needsRing, async () => {
  const cpu = Number(/^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
  const ring = new ThreadRing({ entries: 4, submissionThread: { idleMs: 1, cpu } })
  let seen = 0
  const handler = {
    onCompletion(): void {
      seen++
    },
  }
  for (let index = 0; index < 100; index++) ring.submissions.nop(index, 0)
  while (seen < 100) {
    ring.wait(100)
    ring.reap(handler)
  }
  await ring.close()
})
