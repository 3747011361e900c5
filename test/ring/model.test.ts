/**
 * Thousands of random submissions on a small ring beside a model of it that is too simple to be wrong: every submission
 * has exactly one last completion, with a result that it may have; bytes arrive in order; buffers have one owner. A
 * failure names its seed; SLUICE_SEED=… repeats it, as far as the kernel does.
 */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { Region } from '#sluice/memory/region.js'
import type { CompletionHandler } from '#sluice/ring/completion-queue.js'
import { CQE_BUFFER, CQE_MORE, LINK, SKIP_SUCCESS } from '#sluice/ring/flags.js'
import type { ProvidedBuffers } from '#sluice/ring/provided-buffers.js'
import type { RingMemory } from '#sluice/ring/ring-memory.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { Tickets } from '#sluice/ring/tickets.js'
import { watchdogMs } from '../support/eventually.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { needsRing, pair } from './support.js'

const { EALREADY, EBADF, ECANCELED, ENOBUFS, ENOENT, ETIME } = constants.errno
const operations = 20_000
const streamsCount = 4
const sendBytesMax = 512
const bufferBytes = 64
const buffersCount = 8
const ticketsMax = 64
/** Of a chain's last, which completes only where it was cancelled. */
const tailGeneration = 0x7ffffffe

type Kind = 'nop' | 'failing' | 'timeout' | 'poll' | 'cancel' | 'send' | 'receive' | 'receive-many'

/** One direction of a socket pair. The byte at each place of it is known. */
interface Stream {
  readonly source: number
  readonly target: number
  /** Where in the memory the bytes to send are, and those that are received. */
  readonly outOffset: number
  readonly inOffset: number
  sent: number
  received: number
  sending: boolean
  receiving: boolean
}

/** A submission whose last completion is to come. */
interface Outstanding {
  readonly kind: Kind
  readonly generation: number
  readonly stream: Stream | null
  /** What an earlier one of the same chain may take away from it. */
  readonly chained: boolean
}

test('a ring does what its model does', needsRing, async t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const model = new Model(t, new Random(seed))
  for (let index = 0; index < operations; index++) model.step()
  await model.end()
})

class Model implements CompletionHandler {
  readonly #random: Random
  readonly #ring = new ThreadRing({ entries: 8, completions: 8 })
  readonly #tickets = new Tickets(ticketsMax)
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #region = new Region({ bytes: 2 * streamsCount * sendBytesMax })
  readonly #memory: RingMemory
  readonly #buffers: ProvidedBuffers
  readonly #streams: Stream[] = []
  readonly #buffersTaken: number[] = []
  #throwing = false

  constructor(t: TestContext, random: Random) {
    this.#random = random
    this.#memory = this.#ring.use(this.#region)
    this.#buffers = this.#ring.provideBuffers({ group: 0, count: buffersCount, bufferBytes })
    for (let index = 0; index < streamsCount; index += 2) {
      const [left, right] = pair(t)
      this.#addStream(index, left, right)
      this.#addStream(index + 1, right, left)
    }
  }

  step(): void {
    const stream = this.#random.pick(this.#streams)!
    switch (this.#random.below(13)) {
      case 0:
        this.#simple('nop')
        break
      case 1:
        this.#simple('failing')
        break
      case 2:
        this.#simple('timeout')
        break
      case 3:
        this.#poll(stream)
        break
      case 4:
        this.#cancel()
        break
      case 5:
      case 6:
        this.#send(stream)
        break
      case 7:
        this.#receive(stream)
        break
      case 8:
        this.#receiveMany(stream)
        break
      case 9:
        this.#chain()
        break
      case 10:
        this.#giveBack()
        break
      default:
        this.#reap()
    }
    assert.equal(this.#ring.inFlight, this.#outstanding.size)
    assert.equal(this.#buffers.taken, this.#buffersTaken.length)
  }

  /** Closes the ring in whatever state it is. */
  async end(): Promise<void> {
    this.#throwing = false
    await this.#ring.close(this)
    assert.deepEqual([...this.#outstanding.values()], [])
    assert.equal(this.#tickets.taken, 0)
    for (const { sent, received } of this.#streams) assert.ok(0 < received && received <= sent)
    await this.#region.close()
  }

  onCompletion(slot: number, generation: number, result: number, flags: number): void {
    if (generation === tailGeneration) {
      assert.deepEqual([slot, result, flags], [0, -ECANCELED, 0])
      return
    }
    assert.ok(this.#tickets.isCurrent(slot, generation), `stale: ${slot}, ${generation}, ${result}`)
    const { kind, stream, chained } = this.#outstanding.get(slot)!
    const last = (flags & CQE_MORE) === 0
    if (last) {
      this.#outstanding.delete(slot)
      this.#tickets.release(slot)
    } else assert.equal(kind, 'receive-many')
    if (chained && result === -ECANCELED) return this.#release(kind, stream)
    switch (kind) {
      case 'nop':
        assert.equal(result, 0)
        break
      case 'failing':
        assert.equal(result, -EBADF)
        break
      case 'timeout':
        assert.ok(result === -ETIME || result === -ECANCELED)
        break
      case 'poll':
        assert.ok(result > 0 || result === -ECANCELED)
        break
      case 'cancel':
        assert.ok([0, -ENOENT, -EALREADY].includes(result))
        break
      case 'send':
        this.#sent(stream!, result)
        break
      case 'receive':
        this.#received(stream!, result, stream!.inOffset, this.#memory)
        break
      case 'receive-many':
        this.#receivedBuffer(stream!, result, flags)
    }
    if (last) this.#release(kind, stream)
    if (this.#throwing && this.#random.below(8) === 0) throw new Error('by the model')
  }

  #release(kind: Kind, stream: Stream | null): void {
    if (kind === 'send') stream!.sending = false
    if (kind === 'receive' || kind === 'receive-many') stream!.receiving = false
  }

  #sent(stream: Stream, result: number): void {
    if (result === -ECANCELED) return
    assert.ok(result > 0, `a send gave ${result}`)
    stream.sent += result
  }

  #receivedBuffer(stream: Stream, result: number, flags: number): void {
    if (result === -ENOBUFS || result === -ECANCELED) {
      assert.equal(flags & (CQE_BUFFER | CQE_MORE), 0)
      return
    }
    const number = this.#buffers.take(flags)
    assert.ok(!this.#buffersTaken.includes(number))
    this.#buffersTaken.push(number)
    this.#received(stream, result, this.#buffers.offset(number), this.#buffers.memory)
  }

  #received(stream: Stream, result: number, offset: number, memory: RingMemory): void {
    if (result === -ECANCELED) return
    assert.ok(result > 0, `a receive gave ${result}`)
    for (let index = 0; index < result; index++) {
      assert.equal(memory.bytes[offset + index], byteAt(stream.received + index))
    }
    stream.received += result
  }

  #addStream(index: number, source: number, target: number): void {
    const outOffset = 2 * index * sendBytesMax
    const inOffset = outOffset + sendBytesMax
    const counts = { sent: 0, received: 0, sending: false, receiving: false }
    this.#streams.push({ source, target, outOffset, inOffset, ...counts })
  }

  /** Notes a submission that is about to be prepared → its slot, or -1 where there are too many. */
  #note(kind: Kind, stream: Stream | null, chained = false): number {
    const slot = this.#tickets.take()
    if (slot !== -1) {
      this.#outstanding.set(slot, { kind, generation: this.#tickets.generation(slot), stream, chained })
    }
    return slot
  }

  #simple(kind: 'nop' | 'failing' | 'timeout', chained = false): boolean {
    const slot = this.#note(kind, null, chained)
    if (slot === -1) return false
    const generation = this.#tickets.generation(slot)
    const { submissions } = this.#ring
    if (kind === 'nop') submissions.nop(slot, generation)
    else if (kind === 'failing') submissions.recv(-1, this.#memory, 0, 1, 0, slot, generation)
    else submissions.timeout(this.#random.below(4), 0, 0, slot, generation)
    return true
  }

  #poll(stream: Stream): void {
    const slot = this.#note('poll', stream)
    if (slot !== -1) this.#ring.submissions.poll(stream.target, 1, 0, slot, this.#tickets.generation(slot))
  }

  #cancel(): void {
    const victim = this.#random.pick([...this.#outstanding])
    const slot = this.#note('cancel', null)
    if (slot === -1) return
    const [low, high] = victim === undefined ? [999, 0] : [victim[0], victim[1].generation]
    this.#ring.submissions.cancel(low, high, 0, slot, this.#tickets.generation(slot))
  }

  #send(stream: Stream): void {
    if (stream.sending || stream.sent - stream.received > 10_000) return
    const slot = this.#note('send', stream)
    if (slot === -1) return
    stream.sending = true
    const length = 1 + this.#random.below(sendBytesMax)
    for (let index = 0; index < length; index++) {
      this.#memory.bytes[stream.outOffset + index] = byteAt(stream.sent + index)
    }
    const generation = this.#tickets.generation(slot)
    this.#ring.submissions.send(stream.source, this.#memory, stream.outOffset, length, 0, slot, generation)
  }

  #receive(stream: Stream): void {
    if (stream.receiving) return
    const slot = this.#note('receive', stream)
    if (slot === -1) return
    stream.receiving = true
    const length = 1 + this.#random.below(sendBytesMax)
    const generation = this.#tickets.generation(slot)
    this.#ring.submissions.recv(stream.target, this.#memory, stream.inOffset, length, 0, slot, generation)
  }

  #receiveMany(stream: Stream): void {
    if (stream.receiving) return
    const slot = this.#note('receive-many', stream)
    if (slot === -1) return
    stream.receiving = true
    this.#ring.submissions.recvMultishot(stream.target, 0, 0, slot, this.#tickets.generation(slot))
  }

  /** Some that may fail, the last of which may have no completion at all. */
  #chain(): void {
    const length = 2 + this.#random.below(3)
    const { submissions } = this.#ring
    submissions.ensure(length + 1)
    for (let index = 0; index < length; index++) {
      if (!this.#simple(this.#random.below(3) === 0 ? 'failing' : 'nop', true)) break
      submissions.mark(LINK)
    }
    submissions.nop(0, tailGeneration)
    submissions.mark(SKIP_SUCCESS)
  }

  #giveBack(): void {
    const number = this.#buffersTaken.shift()
    if (number !== undefined) this.#buffers.give(number)
  }

  #reap(): void {
    this.#ring.wait(this.#random.below(3))
    this.#throwing = this.#random.below(2) === 0
    const giveUp = Date.now() + watchdogMs
    for (let more = true; more && Date.now() < giveUp; ) {
      try {
        more = this.#ring.reap(this) > 0 && this.#random.below(2) === 0
      } catch (error) {
        if ((error as Error).message !== 'by the model') throw error
      }
    }
  }
}

function byteAt(position: number): number {
  return (position * 7 + (position >>> 8)) & 0xff
}
