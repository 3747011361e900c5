import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { descriptors, mappings, needsAddon, runChild } from './support.js'

test('10,000 regions made and closed leave no mapping and no descriptor', { skip: needsAddon }, async () => {
  const name = 'sluice-cycle'
  for (let cycle = 0; cycle < 10_000; cycle++) {
    const region = new Region({ bytes: 4096, name })
    region.bytes[0] = 1
    await region.close()
  }
  assert.deepEqual([mappings(name), descriptors(name)], [0, 0])
})

test('10,000 leases that are verified leave no mapping but the region', { skip: needsAddon }, async () => {
  const region = new Region({ bytes: 4096, name: 'sluice-leases' })
  const pool = new Pool({ slots: 1, slotBytes: 4096, region, verify: true })
  for (let cycle = 0; cycle < 10_000; cycle++) {
    const lease = pool.tryTake()!
    lease.bytes[0] = 1
    lease.release()
  }
  assert.deepEqual([mappings('sluice-leases'), descriptors('sluice-leases')], [1, 1])
  await region.close()
  assert.deepEqual([mappings('sluice-leases'), descriptors('sluice-leases')], [0, 0])
})

test('what is not closed goes when it is collected', { skip: needsAddon }, () => {
  const { status, stdout, stderr } = runChild('collected', { nodeArguments: ['--expose-gc'] })
  assert.equal(status, 0, stderr)
  // Each of 20: the region, and the one lease that was taken; neighbours may be one line in the kernel's
  // list.
  const [held, left] = stdout
    .trim()
    .split('\n')
    .map(line => line.split(' ').map(Number))
  assert.ok(held![0]! > 0 && held![1]! === 20, stdout)
  assert.deepEqual(left, [0, 0])
})

test('worker threads that are terminated mid-use leave nothing behind', { skip: needsAddon }, async () => {
  for (let round = 0; round < 4; round++) {
    const workers = [0, 1].map(() => new Worker(new URL('children/busy-worker.js', import.meta.url)))
    await Promise.all(workers.map(worker => once(worker, 'message')))
    assert.equal(descriptors('sluice-worker'), 2)
    await Promise.all(workers.map(worker => worker.terminate()))
    assert.deepEqual([mappings('sluice-worker'), descriptors('sluice-worker')], [0, 0])
  }
})

test('running out of descriptors is an error, and closing brings them back', { skip: needsAddon }, () => {
  const { status, stderr } = runChild('few-descriptors', { before: 'ulimit -n 64' })
  assert.equal(status, 0, stderr)
})

test('a limit on the size of files is met by an error that names it', { skip: needsAddon }, () => {
  // In blocks of 512 bytes, or in dash of 1024.
  const { status, stderr } = runChild('small-files', { before: 'ulimit -f 256' })
  assert.equal(status, 0, stderr)
})

test('without the addon the same memory works, without a descriptor, and says why', () => {
  const { status, stderr } = runChild('no-addon', { env: { SLUICE_ADDON: 'off' } })
  assert.equal(status, 0, stderr)
})
