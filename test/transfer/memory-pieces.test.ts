/** What a transfer holds of memory, and that it gives it back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { holdMemory, intact } from '#sluice/transfer/memory-pieces.js'

test('a lease is in flight while it is held, and ends when it is released', async t => {
  const pool = new Pool({ slots: 2, slotBytes: 5 * KiB })
  t.after(() => pool.close())
  const first = await pool.take()
  const lease = await pool.take()
  lease.bytes.set([1, 2, 3, 4])
  lease.length = 4
  const held = holdMemory(memory(lease, { start: 1, end: 2 }))
  assert.equal(pool.inFlight, 1)
  assert.deepEqual([...held.views[0]!], [2, 3])
  assert.equal(held.bytes, 2)
  assert.throws(() => lease.bytes, { code: 'ERR_SLUICE_IN_FLIGHT' })
  assert.throws(() => holdMemory(memory(lease)), { code: 'ERR_SLUICE_IN_FLIGHT' })
  if (native !== null) {
    assert.equal(held.region!.offset, lease.offset + 1)
    assert.equal(held.region!.fd, pool.region.fd)
    assert.notEqual(held.region!.pages, null)
  }
  held.release()
  assert.equal(pool.free, 1)
  assert.throws(() => holdMemory(memory(lease)), { code: 'ERR_SLUICE_RELEASED' })
  first.release()
})

test('a region is pinned while it is held; only what is stable may go by reference', async () => {
  const region = new Region({ bytes: 8 * KiB })
  const held = holdMemory(memory(region, { start: 100 }))
  assert.equal(held.bytes, 8 * KiB - 100)
  assert.equal(held.region, null)
  const stable = holdMemory(memory(region, { start: 100, end: 200, stable: true }))
  if (native !== null) {
    assert.equal(stable.region!.offset, 100)
    assert.equal(stable.region!.pages, null)
  }
  let closed = false
  const closing = region.close().then(() => {
    closed = true
  })
  held.release()
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(closed, false)
  stable.release()
  await closing
  assert.throws(() => holdMemory(memory(region)), { code: 'ERR_SLUICE_CLOSED' })
})

test('a range that is not in the memory any more is refused', async t => {
  const pool = new Pool({ slots: 1, slotBytes: 1 * KiB })
  t.after(() => pool.close())
  const lease = await pool.take()
  const source = memory(lease, { start: 10, end: 99 })
  lease.length = 99
  assert.throws(() => holdMemory(source), { code: 'ERR_SLUICE_OPTION', message: /has 99 bytes now/ })
  assert.equal(lease.bytes.length, 99)
})

test('bytes that are detached or shrunk are noticed, and what a buffer grows by is not sent', () => {
  const bytes = new Uint8Array(10)
  const held = holdMemory(memory(bytes))
  assert.ok(intact(held))
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  assert.ok(!intact(held))
  const buffer = Reflect.construct(ArrayBuffer, [10, { maxByteLength: 100 }]) as Resizable
  const resizable = holdMemory(memory(new Uint8Array(buffer)))
  buffer.resize(50)
  assert.equal(resizable.bytes, 10)
  assert.ok(intact(resizable))
  buffer.resize(5)
  assert.ok(!intact(resizable))
})

test('no bytes are no region to refer to', async t => {
  const region = new Region({ bytes: 1 })
  t.after(() => region.close())
  const held = holdMemory(memory(region, { start: region.byteLength, stable: true }))
  assert.equal(held.bytes, 0)
  assert.equal(held.region, null)
  assert.ok(intact(held))
  held.release()
})

interface Resizable extends ArrayBuffer {
  resize(bytes: number): void
}
