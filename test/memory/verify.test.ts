import assert from 'node:assert/strict'
import { test } from 'node:test'
import { completeLease, kernelBytes, retireLease, submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { needsAddon, runChild } from './support.js'

test('views of a lease that was released have length 0', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096, verify: true })
  const lease = await pool.take()
  const views = [lease.bytes, lease.bytes.subarray(1, 2), Buffer.from(lease.bytes.buffer, 0, 8)]
  lease.release()
  for (const view of views) {
    assert.equal(view.length, 0)
    view[0] = 1
  }
  const next = await pool.take()
  assert.equal(next.bytes.length, 4096)
  for (const view of views) assert.equal(view.length, 0)
  await pool.close()
})

test('views of a lease that was retired have length 0', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096, verify: true })
  const lease = await pool.take()
  const view = lease.bytes
  submitLease(lease)
  retireLease(lease)
  assert.equal(view.length, 0)
  await pool.close()
})

test('slots that are given back are poisoned, and only they', async () => {
  const pool = new Pool({ slots: 2, slotBytes: 5000, verify: true })
  const [first, second] = [await pool.take(), await pool.take()]
  first.bytes.fill(1)
  second.bytes.fill(2)
  first.release()
  assert.ok(second.bytes.every(byte => byte === 2))
  assert.ok((await pool.take()).bytes.every(byte => byte === 0xdb))
  await pool.close()
})

test('each lease has an ArrayBuffer of its own', async () => {
  const pool = new Pool({ slots: 2, slotBytes: 4096, verify: true })
  const [first, second] = [await pool.take(), await pool.take()]
  assert.notEqual(first.bytes.buffer, second.bytes.buffer)
  assert.notEqual(first.bytes.buffer, pool.region.bytes.buffer)
  await pool.close()
})

test('the bytes are the same before, during and after the flight', async () => {
  const pool = new Pool({ slots: 1, slotBytes: 4096, verify: true })
  const lease = await pool.take()
  for (let round = 0; round < 100; round++) {
    lease.bytes[round] = round
    submitLease(lease)
    assert.equal(kernelBytes(lease)[round], round)
    kernelBytes(lease)[round] = round + 1
    completeLease(lease)
    assert.equal(lease.bytes[round], round + 1)
  }
  await pool.close()
})

for (const access of ['write', 'read']) {
  test(`a ${access} of bytes in flight kills the process, after both views reached the kernel`, {
    skip: needsAddon,
  }, () => {
    const { signal, stdout, stderr } = runChild('touch-in-flight', {
      programArguments: [access],
      // Otherwise AddressSanitizer, where the tests run on it, reports the signal itself and exits.
      env: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:handle_segv=0` },
    })
    assert.equal(signal, 'SIGSEGV', stderr)
    assert.equal(stdout, 'by descriptor, by descript')
  })
}
