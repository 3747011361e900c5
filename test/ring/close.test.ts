/** Closing a ring with work in flight: everything ends, the handler hears of it, and the memory is free. */
import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Region } from '#sluice/memory/region.js'
import type { CompletionHandler } from '#sluice/ring/completion-queue.js'
import { AS_DESCRIPTOR, CQE_MORE, DRAIN, HARDLINK, SKIP_SUCCESS } from '#sluice/ring/flags.js'
import { LoopRing } from '#sluice/ring/loop-ring.js'
import type { Ring } from '#sluice/ring/ring.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { temporaryFolder } from '../support/temporary.js'
import { listening, needsRing, owned, pair } from './support.js'

const { ECANCELED } = constants.errno

interface Kind {
  name: string
  open(handler: CompletionHandler): Ring
  close(ring: Ring, handler: CompletionHandler): Promise<void>
}

const kinds: Kind[] = [
  {
    name: 'a ring of the loop',
    open: handler => new LoopRing(handler, { entries: 16 }),
    close: ring => (ring as LoopRing).close(),
  },
  {
    name: 'a ring of a thread',
    open: () => new ThreadRing({ entries: 16 }),
    close: (ring, handler) => (ring as ThreadRing).close(handler),
  },
]

for (const { name, open, close } of kinds) {
  test(`${name} cancels what is in flight, tells of it, and lets the memory go`, needsRing, async t => {
    const before = openDescriptors()
    const left: number[] = []
    const handler = {
      onCompletion(low: number, _high: number, result: number, flags: number): void {
        if (result < 0) assert.equal(result, -ECANCELED)
        if ((flags & CQE_MORE) === 0) left.push(low)
      },
    }
    const [one, other] = pair(t)
    const { fd } = listening(t)
    const opened = openDescriptors()
    const ring = open(handler)
    const region = new Region({ bytes: 65_536 })
    const memory = ring.use(region)
    const { submissions } = ring
    ring.provideBuffers({ group: 0, count: 4, bufferBytes: 64 })
    ring.buffers.register([memory])
    ring.files.open(4)
    ring.files.set(0, one)
    submissions.acceptMultishot(fd, 0, AS_DESCRIPTOR, 1, 0)
    submissions.recvMultishot(one, 0, 0, 2, 0)
    submissions.recv(other, memory, 0, 100, 0, 3, 0)
    submissions.poll(other, 1, 0, 4, 0)
    submissions.timeout(3_600_000, 0, 0, 5, 0)
    // Nobody counts this one, and it writes to memory.
    submissions.recv(other, memory, 0, 100, 0, 6, 0)
    submissions.mark(SKIP_SUCCESS)
    ring.submit()
    // Prepared, but not submitted.
    submissions.ensure(2)
    submissions.recv(other, memory, 100, 100, 0, 7, 0)
    submissions.mark(HARDLINK)
    submissions.recv(other, memory, 200, 100, 0, 8, 0)
    assert.equal(ring.inFlight, 7)
    let regionClosed = false
    const closing = region.close().then(() => {
      regionClosed = true
    })
    const closed = close(ring, handler)
    assert.equal(close(ring, handler), closed)
    await closed
    await closing
    assert.ok(regionClosed)
    assert.equal(ring.inFlight, 0)
    assert.deepEqual(
      left.filter(low => low !== 6).sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 7, 8],
    )
    assert.throws(() => submissions.nop(1, 1), { code: 'ERR_SLUICE_CLOSED' })
    assert.ok(ring.submit())
    assert.equal(ring.reap(handler), 0)
    assert.throws(() => submissions.recv(0, memory, 0, 1, 0, 1, 0), RangeError)
    await descriptorsBackTo(opened)
    assert.ok(opened.length >= before.length)
  })

  test(`${name} cancels also what starts only now, when what it waited for has ended`, needsRing, async t => {
    const [one, other] = pair(t)
    const results: number[][] = []
    const handler = {
      onCompletion: (low: number, _high: number, result: number) => results.push([low, result]),
    }
    const ring = open(handler)
    ring.submissions.poll(one, 1, 0, 1, 0)
    ring.submissions.poll(other, 1, 0, 2, 0)
    ring.submissions.mark(DRAIN)
    ring.submit()
    await close(ring, handler)
    assert.deepEqual(results, [
      [1, -ECANCELED],
      [2, -ECANCELED],
    ])
  })

  test(`${name} is not kept open by a handler that arms anew`, needsRing, async t => {
    const [one] = pair(t)
    const codes: unknown[] = []
    const handler: CompletionHandler = {
      onCompletion() {
        assert.ok(ring.closing)
        try {
          ring.submissions.poll(one, 1, 0, 1, 0)
        } catch (error) {
          codes.push((error as { code: string }).code)
        }
      },
    }
    const ring = open(handler)
    ring.submissions.poll(one, 1, 0, 1, 0)
    ring.submit()
    assert.ok(!ring.closing)
    await close(ring, handler)
    assert.deepEqual(codes, ['ERR_SLUICE_CLOSED'])
  })

  test(`${name} waits for a file that is being written`, needsRing, async t => {
    const file = owned(t, openSync(join(temporaryFolder(t), 'file'), 'w'))
    const results: number[] = []
    const handler = { onCompletion: (_low: number, _high: number, result: number) => results.push(result) }
    const ring = open(handler)
    const region = new Region({ bytes: 8 << 20 })
    const memory = ring.use(region)
    for (let index = 0; index < 8; index++) {
      ring.submissions.write(file, memory, 0, memory.byteLength, index * memory.byteLength, 1, 0)
      ring.submissions.mark(1 << 4)
    }
    ring.submit()
    await close(ring, handler)
    assert.equal(results.length, 8)
    for (const result of results) assert.ok(result === -ECANCELED || result > 0, `${result}`)
    await region.close()
  })
}

test('a handler that throws does not keep a ring of a thread open', needsRing, async t => {
  const [one] = pair(t)
  const opened = openDescriptors()
  const ring = new ThreadRing({ entries: 4 })
  for (let index = 0; index < 3; index++) ring.submissions.poll(one, 1, 0, index, 0)
  const seen: number[] = []
  const handler: CompletionHandler = {
    onCompletion(low) {
      seen.push(low)
      throw new Error(`thrown at ${low}`)
    },
  }
  await assert.rejects(ring.close(handler), { message: /thrown at \d/ })
  assert.deepEqual(seen.sort(), [0, 1, 2])
  await descriptorsBackTo(opened)
})

test('a region that is used no more is free before the ring is closed', needsRing, async () => {
  const ring = new ThreadRing({ entries: 4 })
  const region = new Region({ bytes: 4096 })
  const memory = ring.use(region)
  memory.release()
  memory.release()
  await region.close()
  assert.throws(() => ring.submissions.recv(0, memory, 0, 1, 0, 1, 0), RangeError)
  assert.throws(() => ring.use(region), { code: 'ERR_SLUICE_CLOSED' })
  await ring.close()
})
