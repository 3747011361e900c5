/**
 * Thousands of random operations on a pool beside a model of it that is too simple to be wrong. A failure
 * names its seed; SLUICE_SEED=… repeats it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispose } from '#sluice/base/dispose.js'
import { completeLease, kernelBytes, type Lease, retireLease, submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { Random, seedFromEnvironment } from '../support/random.js'

type State = 'leased' | 'in flight' | 'abandoned' | 'ended'

/** What the model knows of a lease. */
interface Known {
  lease: Lease
  state: State
  /** What the first byte must be, once somebody wrote it. */
  first: number | null
}

const slots = 5
const operations = 4000
const refusals: Record<Exclude<State, 'leased'>, string> = {
  'in flight': 'ERR_SLUICE_IN_FLIGHT',
  abandoned: 'ERR_SLUICE_IN_FLIGHT',
  ended: 'ERR_SLUICE_RELEASED',
}

for (const verify of [false, true]) {
  test(`a pool ${verify ? 'that verifies ' : ''}does what its model does`, async t => {
    const seed = seedFromEnvironment()
    t.diagnostic(`SLUICE_SEED=${seed}`)
    const model = new Model(new Random(seed), verify)
    for (let index = 0; index < operations; index++) await model.step()
    await model.end()
  })
}

class Model {
  readonly #random: Random
  readonly #pool: Pool
  readonly #known: Known[] = []
  /** Those who wait, in the order in which they must be served. */
  readonly #waiting: { abort: AbortController; settled: Promise<Lease | null> }[] = []

  constructor(random: Random, verify: boolean) {
    this.#random = random
    this.#pool = new Pool({ slots, slotBytes: 4096, verify })
  }

  async step(): Promise<void> {
    const known = this.#random.pick(this.#known)
    switch (this.#random.below(9)) {
      case 0:
      case 1:
        await this.#take()
        break
      case 2:
        this.#abortOne()
        break
      case 3:
        if (known !== undefined) this.#write(known)
        break
      case 4:
      case 5:
        if (known !== undefined) this.#giveBack(known)
        break
      case 6:
        if (known !== undefined) this.#submit(known)
        break
      default:
        if (known !== undefined) this.#comeBack(known)
    }
    await this.#serve()
    this.#compare()
  }

  /** Closes the pool in whatever state it is. */
  async end(): Promise<void> {
    const closing = this.#pool.close()
    for (const { settled } of this.#waiting) assert.equal(await settled, null)
    for (const { lease, state } of this.#known) {
      assert.throws(() => lease.bytes, { code: 'ERR_SLUICE_CLOSED' })
      if (state === 'in flight' || state === 'abandoned') retireLease(lease)
    }
    await closing
    assert.equal(this.#pool.inFlight, 0)
  }

  async #take(): Promise<void> {
    if (this.#free() > 0) this.#learn(await this.#pool.take())
    else if (this.#waiting.length < 4) this.#wait()
    else assert.equal(this.#pool.tryTake(), null)
  }

  #wait(): void {
    const abort = new AbortController()
    const settled = this.#pool.take({ signal: abort.signal }).catch(() => null)
    this.#waiting.push({ abort, settled })
  }

  #abortOne(): void {
    const waiter = this.#random.pick(this.#waiting)
    if (waiter === undefined) return
    waiter.abort.abort()
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
  }

  #learn(lease: Lease): void {
    const owner = this.#known.find(other => other.state !== 'ended' && other.lease.slot === lease.slot)
    assert.equal(owner, undefined, `slot ${lease.slot} has two owners`)
    this.#known.push({ lease, state: 'leased', first: null })
    if (this.#known.length > 4 * slots) this.#forget()
  }

  /** Drops the oldest lease that has ended. */
  #forget(): void {
    const index = this.#known.findIndex(({ state }) => state === 'ended')
    if (index >= 0) this.#known.splice(index, 1)
  }

  #write(known: Known): void {
    const value = this.#random.below(256)
    this.#expect(known, () => {
      known.lease.bytes.fill(value)
      known.first = value
    })
  }

  #giveBack(known: Known): void {
    if (this.#random.below(2) === 0) {
      if (this.#expect(known, () => known.lease.release())) known.state = 'ended'
      return
    }
    known.lease[dispose]()
    if (known.state === 'leased') known.state = 'ended'
    else if (known.state === 'in flight') known.state = 'abandoned'
  }

  #submit(known: Known): void {
    if (!this.#expect(known, () => submitLease(known.lease))) return
    known.state = 'in flight'
    if (this.#random.below(2) > 0) return
    known.first = this.#random.below(256)
    kernelBytes(known.lease)[0] = known.first
  }

  #comeBack(known: Known): void {
    const retire = this.#random.below(2) === 0
    const act = (): void => (retire ? retireLease(known.lease) : completeLease(known.lease))
    if (known.state === 'leased' || known.state === 'ended') {
      assert.throws(act, /without being in flight/)
      return
    }
    if (known.first !== null) assert.equal(kernelBytes(known.lease)[0], known.first)
    act()
    known.state = retire || known.state === 'abandoned' ? 'ended' : 'leased'
  }

  /**
   * Does what only the owner may do; everybody else is refused with the code of the state → whether it was
   * done.
   */
  #expect({ state }: Known, act: () => void): boolean {
    if (state === 'leased') act()
    else assert.throws(act, { code: refusals[state] })
    return state === 'leased'
  }

  /** Whoever waits must have been given what has become free. */
  async #serve(): Promise<void> {
    while (this.#waiting.length > 0 && this.#free() > 0) {
      const lease = await this.#waiting.shift()!.settled
      assert.ok(lease !== null)
      this.#learn(lease)
    }
  }

  #free(): number {
    return slots - this.#known.filter(({ state }) => state !== 'ended').length
  }

  #compare(): void {
    const count = (...states: State[]): number =>
      this.#known.filter(({ state }) => states.includes(state)).length
    const { free, leased, inFlight, waiting } = this.#pool
    assert.deepEqual(
      { free, leased, inFlight, waiting },
      {
        free: this.#free(),
        leased: count('leased'),
        inFlight: count('in flight', 'abandoned'),
        waiting: this.#waiting.length,
      },
    )
    for (const { lease, state, first } of this.#known) {
      if (state === 'leased' && first !== null) assert.equal(lease.bytes[0], first)
    }
  }
}
