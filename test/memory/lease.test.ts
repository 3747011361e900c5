import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispose } from '#sluice/base/dispose.js'
import { completeLease, kernelBytes, type Lease, retireLease, submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'

/** Every use of a lease that must be refused once it is not the program's. */
const uses: Record<string, (lease: Lease) => void> = {
  bytes: lease => void lease.bytes,
  'setting length': lease => {
    lease.length = 1
  },
  'release()': lease => lease.release(),
  'submitting it': lease => submitLease(lease),
}

function assertRefused(lease: Lease, code: string): void {
  for (const [what, use] of Object.entries(uses)) {
    assert.throws(() => use(lease), {
      code,
      message: new RegExp(`slot ${lease.slot}.*${what.replace(/[()]/g, '\\$&')}`),
    })
  }
}

for (const verify of [false, true]) {
  const mode = verify ? 'verified' : 'plain'

  test(`${mode}: a lease is a slot of the region`, async () => {
    const pool = new Pool({ slots: 3, slotBytes: 5000, verify })
    const leases = [pool.tryTake()!, pool.tryTake()!, pool.tryTake()!]
    assert.deepEqual(
      leases.map(lease => lease.slot),
      [0, 1, 2],
    )
    for (const lease of leases) {
      assert.equal(lease.region, pool.region)
      assert.equal(lease.offset, lease.slot * pool.strideBytes)
      assert.equal(lease.offset % pool.region.pageBytes, 0)
      assert.deepEqual([lease.length, lease.bytes.length], [5000, 5000])
      lease.bytes.fill(lease.slot + 1)
    }
    for (const lease of leases) {
      submitLease(lease)
      assert.equal(kernelBytes(lease).length, 5000)
      assert.equal(pool.region.bytes[lease.offset], lease.slot + 1)
      assert.equal(pool.region.bytes[lease.offset + 4999], lease.slot + 1)
      completeLease(lease)
    }
    await pool.close()
  })

  test(`${mode}: after release() every use is refused`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    const lease = await pool.take()
    lease.release()
    assertRefused(lease, 'ERR_SLUICE_RELEASED')
    assert.equal(pool.free, 1)
    await pool.close()
  })

  test(`${mode}: a stale lease does not reach the slot's next owner`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    const stale = await pool.take()
    stale.release()
    const owner = await pool.take()
    assert.equal(owner.slot, stale.slot)
    assertRefused(stale, 'ERR_SLUICE_RELEASED')
    stale[dispose]()
    submitLease(owner)
    assertRefused(stale, 'ERR_SLUICE_RELEASED')
    stale[dispose]()
    completeLease(owner)
    owner.bytes[0] = 1
    owner.release()
    await pool.close()
  })

  test(`${mode}: in flight every use is refused, and the program has it back after completion`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    const lease = await pool.take()
    lease.bytes[0] = 1
    submitLease(lease)
    assertRefused(lease, 'ERR_SLUICE_IN_FLIGHT')
    assert.deepEqual([pool.free, pool.leased, pool.inFlight], [0, 0, 1])
    kernelBytes(lease)[1] = 2
    completeLease(lease)
    assert.deepEqual([pool.free, pool.leased, pool.inFlight], [0, 1, 0])
    assert.deepEqual([lease.bytes[0], lease.bytes[1]], [1, 2])
    lease.release()
    await pool.close()
  })

  test(`${mode}: a retired lease has ended, and its slot is free`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    const lease = await pool.take()
    submitLease(lease)
    retireLease(lease)
    assertRefused(lease, 'ERR_SLUICE_RELEASED')
    assert.deepEqual([pool.free, pool.leased, pool.inFlight], [1, 0, 0])
    await pool.close()
  })

  test(`${mode}: what comes back without being in flight is our own bug`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    const lease = await pool.take()
    assert.throws(() => completeLease(lease), /without being in flight/)
    assert.throws(() => retireLease(lease), /without being in flight/)
    submitLease(lease)
    retireLease(lease)
    assert.throws(() => retireLease(lease), /without being in flight/)
    assert.deepEqual([pool.free, pool.inFlight], [1, 0])
    await pool.close()
  })

  test(`${mode}: disposal gives back what is leased, once`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    {
      using lease = await pool.take()
      lease.bytes[0] = 1
    }
    assert.equal(pool.free, 1)
    {
      using lease = await pool.take()
      submitLease(lease)
      retireLease(lease)
    }
    assert.equal(pool.free, 1)
    await pool.close()
  })

  test(`${mode}: what is disposed of in flight is free when it comes back`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    for (const comeBack of [(lease: Lease) => completeLease(lease, 10), retireLease]) {
      const lease = await pool.take()
      submitLease(lease)
      lease[dispose]()
      lease[dispose]()
      assertRefused(lease, 'ERR_SLUICE_IN_FLIGHT')
      assert.deepEqual([pool.free, pool.inFlight], [0, 1])
      comeBack(lease)
      assertRefused(lease, 'ERR_SLUICE_RELEASED')
      assert.deepEqual([pool.free, pool.inFlight], [1, 0])
    }
    await pool.close()
  })

  test(`${mode}: length says how much of the slot is in use`, async () => {
    const pool = new Pool({ slots: 1, slotBytes: 4096, verify })
    const lease = await pool.take()
    const whole = lease.bytes
    lease.length = 100
    assert.deepEqual([lease.length, lease.bytes.length], [100, 100])
    lease.bytes[99] = 5
    lease.length = 4096
    assert.equal(lease.bytes, whole)
    assert.equal(lease.bytes[99], 5)
    for (const wrong of [-1, 4097, 1.5]) {
      assert.throws(
        () => {
          lease.length = wrong
        },
        { code: 'ERR_SLUICE_OPTION' },
      )
    }
    submitLease(lease)
    completeLease(lease, 0)
    assert.deepEqual([lease.length, lease.bytes.length], [0, 0])
    lease.release()
    assert.equal((await pool.take()).length, 4096)
    await pool.close()
  })

  test(`${mode}: a closed pool ends its leases, and waits for what is in flight`, async () => {
    const pool = new Pool({ slots: 2, slotBytes: 4096, verify })
    const held = await pool.take()
    const sent = await pool.take()
    const view = held.bytes
    submitLease(sent)
    let closed = false
    const closing = pool.close().then(() => {
      closed = true
    })
    assertRefused(held, 'ERR_SLUICE_CLOSED')
    assertRefused(sent, 'ERR_SLUICE_CLOSED')
    held[dispose]()
    await new Promise(setImmediate)
    assert.deepEqual([closed, pool.inFlight], [false, 1])
    kernelBytes(sent)[0] = 1
    completeLease(sent, 10)
    await closing
    assert.deepEqual([view.length, pool.free, pool.leased, pool.inFlight], [0, 2, 0, 0])
    assertRefused(held, 'ERR_SLUICE_CLOSED')
    sent[dispose]()
  })
}
