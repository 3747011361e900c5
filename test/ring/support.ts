/** A ring that the test's own thread waits in, and everything that completed, in order. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { KiB } from '#sluice/base/units.js'
import { Region } from '#sluice/memory/region.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import type { CompletionHandler } from '#sluice/ring/completion-queue.js'
import { CQE_MORE } from '#sluice/ring/flags.js'
import type { RingOptions } from '#sluice/ring/ring.js'
import type { RingMemory } from '#sluice/ring/ring-memory.js'
import type { Submissions } from '#sluice/ring/submissions.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { watchdogMs } from '../support/eventually.js'

export interface Completion {
  readonly low: number
  readonly high: number
  readonly result: number
  readonly flags: number
}

/** The addon's calls; only for tests that are skipped without it. */
export const calls = native as Native

/** For tests that need a ring: skipped, with the reason, where the machine allows none. */
export const needsRing = { skip: ringMissing() }

function ringMissing(): string | false {
  try {
    void new ThreadRing({ entries: 1 }).close()
    return false
  } catch (error) {
    if (error instanceof SluiceError && ['ERR_SLUICE_RING', 'ERR_SLUICE_ADDON'].includes(error.code))
      return error.message
    throw error
  }
}

export class TestRing implements CompletionHandler {
  readonly ring: ThreadRing
  readonly submissions: Submissions
  /** 64 KiB that submissions may name. */
  readonly memory: RingMemory
  readonly bytes: Uint8Array
  /** What completed and was not taken yet. */
  readonly completions: Completion[] = []
  readonly #region = new Region({ bytes: 64 * KiB })

  constructor(t: Pick<TestContext, 'after'>, options: RingOptions = { entries: 64 }) {
    this.ring = new ThreadRing(options)
    this.submissions = this.ring.submissions
    this.memory = this.ring.use(this.#region)
    this.bytes = this.memory.bytes
    t.after(async () => {
      await this.ring.close(this)
      await this.#region.close()
    })
  }

  onCompletion(low: number, high: number, result: number, flags: number): void {
    this.completions.push({ low, high, result, flags })
  }

  /** Submits and waits until so many completions came → these, oldest first. */
  take(count: number): Completion[] {
    const giveUp = Date.now() + watchdogMs
    while (this.completions.length < count) {
      if (Date.now() > giveUp)
        throw new Error(`only ${JSON.stringify(this.completions)} completed, not ${count}`)
      this.ring.wait(100)
      this.ring.reap(this)
    }
    return this.completions.splice(0, count)
  }

  /** The next completion, which must be the only one there is and the submission's last → its result. */
  result(): number {
    const [{ result, flags }] = this.take(1) as [Completion]
    assert.deepEqual(this.completions, [])
    assert.equal(flags & CQE_MORE, 0)
    return result
  }

  /** What completed, by the low half of its user data, once so many completions came. */
  results(count: number): Map<number, number> {
    const results = new Map(this.take(count).map(({ low, result }) => [low, result]))
    assert.equal(results.size, count)
    return results
  }

  /** Reaps what is there without waiting for more. */
  settle(): Completion[] {
    this.ring.wait(0)
    while (this.ring.reap(this) > 0) this.ring.wait(0)
    return this.completions.splice(0)
  }

  write(offset: number, text: string): number {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + offset).write(text)
  }

  text(offset: number, length: number): string {
    return Buffer.from(this.bytes.subarray(offset, offset + length)).toString()
  }
}

/** Two connected Unix sockets, which wait where a call of the kernel's own would. */
export function pair(t: Pick<TestContext, 'after'>): [left: number, right: number] {
  const ends = new Int32Array(2)
  assert.equal(calls.socketpair(calls.AF_UNIX, calls.SOCK_STREAM | calls.SOCK_CLOEXEC, ends), 0)
  return [owned(t, ends[0]!), owned(t, ends[1]!)]
}

export function pipe(t: Pick<TestContext, 'after'>): [reading: number, writing: number] {
  const ends = new Int32Array(2)
  assert.equal(calls.pipe2(ends, calls.O_CLOEXEC), 0)
  return [owned(t, ends[0]!), owned(t, ends[1]!)]
}

/** A socket that listens on a free port of the loopback interface. */
export function listening(t: Pick<TestContext, 'after'>): { fd: number; port: number } {
  const fd = owned(t, calls.socket(calls.AF_INET, calls.SOCK_STREAM | calls.SOCK_CLOEXEC, 0))
  assert.equal(calls.bindIpv4(fd, 0x7f000001, 0), 0)
  assert.equal(calls.listen(fd, 64), 0)
  return { fd, port: calls.localPort(fd) }
}

/** A connection to such a socket. */
export function connected(t: Pick<TestContext, 'after'>, port: number): number {
  const fd = owned(t, calls.socket(calls.AF_INET, calls.SOCK_STREAM | calls.SOCK_CLOEXEC, 0))
  assert.equal(calls.connectIpv4(fd, 0x7f000001, port), 0)
  return fd
}

/** A descriptor that is closed when the test is over. */
export function owned(t: Pick<TestContext, 'after'>, fd: number): number {
  assert.ok(fd >= 0, `the call failed with ${fd}`)
  t.after(() => calls.close(fd))
  return fd
}
