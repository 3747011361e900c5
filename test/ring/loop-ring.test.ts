/** A ring that Node's loop watches. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect } from 'node:net'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { CompletionHandler } from '#sluice/ring/completion-queue.js'
import { AS_DESCRIPTOR, CQE_MORE } from '#sluice/ring/flags.js'
import { LoopRing } from '#sluice/ring/loop-ring.js'
import type { ProvidedBuffers } from '#sluice/ring/provided-buffers.js'
import type { RingOptions } from '#sluice/ring/ring.js'
import { eventually } from '../support/eventually.js'
import { calls, listening, needsRing } from './support.js'

const { ENOBUFS } = constants.errno
const ACCEPT = 1
const RECEIVE = 2
const SEND = 3
const CLOSE = 4
const MSG_WAITALL = 0x100

/** Sends back what it receives. */
class Echo implements CompletionHandler {
  readonly ring: LoopRing
  readonly buffers: ProvidedBuffers
  closed = 0
  starved = 0

  constructor(listener: number, options: RingOptions) {
    this.ring = new LoopRing(this, options)
    this.buffers = this.ring.provideBuffers({ group: 0, count: 4, bufferBytes: 1000 })
    this.ring.submissions.acceptMultishot(listener, calls.SOCK_CLOEXEC, AS_DESCRIPTOR, ACCEPT, 0)
    this.ring.submit()
  }

  onCompletion(low: number, high: number, result: number, flags: number): void {
    const { ring, buffers } = this
    const { submissions } = ring
    if (low === CLOSE) this.closed++
    if (ring.closing) return
    if (low === ACCEPT) {
      assert.ok(result > 0 && flags & CQE_MORE)
      submissions.recvMultishot(result, 0, 0, RECEIVE, result)
    } else if (low === RECEIVE) {
      if (result > 0) {
        const number = buffers.take(flags)
        submissions.send(high, buffers.memory, buffers.offset(number), result, MSG_WAITALL, SEND, number)
      }
      if (result === -ENOBUFS) this.starved++
      if (result === 0) submissions.closeDescriptor(high, CLOSE, 0)
      else if ((flags & CQE_MORE) === 0) submissions.recvMultishot(high, 0, 0, RECEIVE, high)
    } else if (low === SEND) {
      assert.ok(result > 0, `${result}`)
      buffers.give(high)
    }
  }
}

for (const [name, options] of [
  ['', {}],
  [' with the kernel’s own submission thread', { submissionThread: { idleMs: 1 } }],
] as const) {
  test(`many connections are served from few buffers${name}`, needsRing, async t => {
    const { fd, port } = listening(t)
    const echo = new Echo(fd, { entries: 16, ...options })
    t.after(() => echo.ring.close())
    const count = 20
    const bytes = 50_000
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        assert.equal(await echoed(t, port, Buffer.alloc(bytes, index)), bytes)
      }),
    )
    await eventually(
      () => echo.closed === count && echo.buffers.taken === 0,
      () => `${echo.closed} of ${count} closed, ${echo.buffers.taken} buffers taken`,
    )
    assert.equal(echo.ring.inFlight, 1)
  })
}

/** Sends the bytes, reads as many, and checks that they are the same → how many. */
async function echoed(t: TestContext, port: number, bytes: Buffer): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(bytes)
  let received = 0
  for await (const chunk of socket) {
    assert.deepEqual(chunk, bytes.subarray(received, received + (chunk as Buffer).length))
    received += (chunk as Buffer).length
    if (received === bytes.length) socket.end()
  }
  return received
}

test('the process lives while something is in flight, and no longer', needsRing, () => {
  assert.equal(childOutput('idle.js'), '1 true\n2 true\n3 true\n')
})

test('what a handler throws is reported, and the other completions are told of', needsRing, () => {
  assert.equal(childOutput('throwing.js'), '0,1,2,3\nlast 4\n')
})

test('the loop turns while completions keep coming', needsRing, async t => {
  let stop = false
  const ring: LoopRing = new LoopRing({
    onCompletion() {
      if (!stop) ring.submissions.nop(0, 0)
    },
  })
  t.after(() => ring.close())
  ring.submissions.nop(0, 0)
  ring.submit()
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setTimeout(resolve, 1))
  stop = true
  await eventually(
    () => ring.inFlight === 0,
    () => `${ring.inFlight} in flight`,
  )
})

test('completions that overflow the ring all arrive', needsRing, async t => {
  const seen: number[] = []
  const ring = new LoopRing({ onCompletion: low => seen.push(low) }, { entries: 8, completions: 8 })
  t.after(() => ring.close())
  for (let index = 0; index < 200; index++) ring.submissions.nop(index, 0)
  ring.submit()
  assert.ok(ring.overflowed)
  await eventually(
    () => seen.length === 200,
    () => `${seen.length} came`,
  )
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, index) => index),
  )
})

test('a closed ring leaves the loop', needsRing, async () => {
  const ring = new LoopRing({ onCompletion() {} })
  await ring.close()
  await ring.close()
  assert.equal(ring.inFlight, 0)
})

function childOutput(name: string): string {
  const program = fileURLToPath(new URL(`children/${name}`, import.meta.url))
  return execFileSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 })
}
