import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asyncDispose } from '#sluice/base/dispose.js'
import { completeLease, type Lease, submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { needsAddon } from './support.js'

test('slots begin at page boundaries and have the size that was asked for', async () => {
  const pool = new Pool({ slots: 4, slotBytes: 5000 })
  assert.deepEqual([pool.slots, pool.slotBytes], [4, 5000])
  assert.equal(pool.strideBytes, Math.ceil(5000 / pool.region.pageBytes) * pool.region.pageBytes)
  assert.equal(pool.region.byteLength, 4 * pool.strideBytes)
  await pool.close()
})

test('a pool counts what is free, leased and in flight', async () => {
  const pool = new Pool({ slots: 3, slotBytes: 4096 })
  assert.deepEqual([pool.free, pool.leased, pool.inFlight, pool.waiting], [3, 0, 0, 0])
  const [first] = [await pool.take(), await pool.take()]
  submitLease(first)
  assert.deepEqual([pool.free, pool.leased, pool.inFlight], [1, 1, 1])
  completeLease(first)
  first.release()
  assert.deepEqual([pool.free, pool.leased, pool.inFlight], [2, 1, 0])
  await pool.close()
})

test('the slot that was given back last is lent next', async () => {
  const pool = new Pool({ slots: 4, slotBytes: 4096 })
  const leases = [pool.tryTake()!, pool.tryTake()!, pool.tryTake()!]
  leases[1]!.release()
  leases[0]!.release()
  assert.deepEqual([pool.tryTake()!.slot, pool.tryTake()!.slot, pool.tryTake()!.slot], [0, 1, 3])
  await pool.close()
})

test('an empty pool refuses, or says so, as asked', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096 })
  const lease = await pool.take({ wait: false })
  assert.equal(pool.tryTake(), null)
  await assert.rejects(pool.take({ wait: false }), { code: 'ERR_SLUICE_POOL_EMPTY' })
  assert.equal(pool.waiting, 0)
  lease.release()
  assert.equal(pool.tryTake()!.slot, 0)
  await pool.close()
})

test('those who wait are served in the order in which they came', async () => {
  const pool = new Pool({ slots: 2, slotBytes: 4096 })
  const held = [await pool.take(), await pool.take()]
  const order: number[] = []
  const waiting = [0, 1, 2, 3].map(async index => {
    const lease = await pool.take()
    order.push(index)
    lease.release()
  })
  assert.equal(pool.waiting, 4)
  held[0]!.release()
  assert.equal(pool.tryTake(), null, 'a slot that is handed over is not free in between')
  held[1]!.release()
  await Promise.all(waiting)
  assert.deepEqual(order, [0, 1, 2, 3])
  assert.deepEqual([pool.free, pool.waiting], [2, 0])
  await pool.close()
})

test('no more than waitersMax may wait', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096, waitersMax: 1 })
  const held = await pool.take()
  const waiter = pool.take()
  await assert.rejects(pool.take(), { code: 'ERR_SLUICE_POOL_EMPTY', message: /1 waiting already/ })
  held.release()
  ;(await waiter).release()
  await pool.close()
})

test('a wait that is aborted leaves the queue and takes no slot', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096 })
  const held = await pool.take()
  const controller = new AbortController()
  const aborted = pool.take({ signal: controller.signal })
  const waiter = pool.take({ signal: new AbortController().signal })
  const reason = new Error('no longer needed')
  controller.abort(reason)
  await assert.rejects(aborted, { code: 'ERR_SLUICE_ABORTED', name: 'AbortError', cause: reason })
  assert.equal(pool.waiting, 1)
  held.release()
  const lease = await waiter
  lease.release()
  await assert.rejects(pool.take({ signal: controller.signal }), { code: 'ERR_SLUICE_ABORTED' })
  assert.equal(pool.free, 1)
  await pool.close()
})

test('a signal that aborts after the lease was had changes nothing', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096 })
  const controller = new AbortController()
  const held = await pool.take({ signal: controller.signal })
  const waiter = pool.take({ signal: controller.signal })
  held.release()
  controller.abort()
  const lease = await waiter
  lease.bytes[0] = 1
  assert.equal(pool.leased, 1)
  await pool.close()
})

test('a closed pool lends nothing and ends all waits', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096 })
  await pool.take()
  const waits: Promise<Lease>[] = [pool.take(), pool.take({ signal: new AbortController().signal })]
  const ends = Promise.all(waits.map(wait => assert.rejects(wait, { code: 'ERR_SLUICE_CLOSED' })))
  const closing = pool.close()
  assert.equal(pool.close(), closing)
  await ends
  assert.throws(() => pool.tryTake(), { code: 'ERR_SLUICE_CLOSED' })
  await assert.rejects(pool.take(), { code: 'ERR_SLUICE_CLOSED' })
  await closing
  assert.equal(pool.waiting, 0)
  await pool[asyncDispose]()
})

test("a pool closes its own region, and leaves the caller's alone", async () => {
  const own = new Pool({ slots: 1, slotBytes: 4096 })
  await own.close()
  assert.equal(own.region.closed, true)
  const region = new Region({ bytes: 8192 })
  const pool = new Pool({ slots: 2, slotBytes: 4096, region })
  ;(await pool.take()).bytes[0] = 7
  await pool.close()
  assert.equal(region.bytes[0], 7)
  await region.close()
})

test('a region that is closed closes its pools, once nothing is in flight', async () => {
  for (const [region, verify] of [
    [new Region({ bytes: 8192 }), false],
    [new Region({ bytes: 8192 }), true],
    [undefined, false],
    [undefined, true],
  ] as const) {
    const pool = new Pool({ slots: 2, slotBytes: 4096, region, verify })
    const sent = await pool.take()
    const held = await pool.take()
    const waiter = assert.rejects(pool.take(), { code: 'ERR_SLUICE_CLOSED' })
    submitLease(sent)
    const closing = pool.region.close()
    assert.throws(() => held.bytes, { code: 'ERR_SLUICE_CLOSED' })
    assert.throws(() => pool.tryTake(), { code: 'ERR_SLUICE_CLOSED' })
    await waiter
    await new Promise(setImmediate)
    assert.equal(pool.inFlight, 1)
    completeLease(sent)
    await Promise.all([closing, pool.close()])
  }
})

test('several pools may share a region', async () => {
  const region = new Region({ bytes: 4096 })
  const pools = [1, 2].map(() => new Pool({ slots: 1, slotBytes: 100, region }))
  pools[0]!.tryTake()!.bytes[0] = 3
  assert.equal(pools[1]!.tryTake()!.bytes[0], 3)
  await pools[0]!.close()
  assert.equal(pools[1]!.leased, 1)
  await region.close()
})

test('wrong options are refused by name', async () => {
  const region = new Region({ bytes: 4096 })
  const closed = new Region({ bytes: 4096 })
  await closed.close()
  for (const [options, name] of [
    [{ slots: 0, slotBytes: 4096 }, /^slots/],
    [{ slots: 1, slotBytes: 0 }, /^slotBytes/],
    [{ slots: 2 ** 52, slotBytes: 4096 }, /^slots/],
    [{ slots: 1, slotBytes: 2 ** 53 }, /^slotBytes/],
    [{ slots: 1, slotBytes: 4096, waitersMax: -1 }, /^waitersMax/],
    [{ slots: 2, slotBytes: 100, region }, /^region must have \d+ bytes or more/],
    [{ slots: 1, slotBytes: 100, verify: true, hugePages: 'try' }, /^verify needs ordinary pages/],
  ] as const) {
    assert.throws(() => new Pool(options as never), { code: 'ERR_SLUICE_OPTION', message: name })
  }
  assert.throws(() => new Pool({ slots: 1, slotBytes: 1, region: closed }), { code: 'ERR_SLUICE_CLOSED' })
  await region.close()
})

test('a pool cannot verify what it cannot map again', { skip: needsAddon }, async () => {
  const region = new Region({ bytes: 4096, seal: 'future-write' })
  assert.throws(() => new Pool({ slots: 1, slotBytes: 1, region, verify: true }), {
    code: 'ERR_SLUICE_OPTION',
  })
  const pool = new Pool({ slots: 1, slotBytes: 1, region })
  pool.tryTake()!.bytes[0] = 1
  await region.close()
})
