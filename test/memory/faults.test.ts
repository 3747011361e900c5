import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { descriptors, mappings, needsAddon } from './support.js'

const { EINTR, EINVAL, EMFILE, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM } = constants.errno
const calls = native as Native
const name = 'sluice-faults'

function assertNothingHeld(): void {
  assert.deepEqual([mappings(name), descriptors(name)], [0, 0])
}

for (const [call, errno, reason] of [
  ['memfdCreate', -EPERM, /^memfd_create failed with EPERM$/],
  ['mapShared', -EOPNOTSUPP, /^mmap failed with /],
] as const) {
  test(`where ${call} is forbidden, memory is plain and says why`, { skip: needsAddon }, async t => {
    t.mock.method(calls, call, () => errno)
    const region = new Region({ bytes: 4096, name })
    assert.match(region.fdMissing, reason)
    assert.deepEqual([region.fd, region.sendfileSource], [null, false])
    region.bytes.fill(1)
    assertNothingHeld()
    const pool = new Pool({ slots: 1, slotBytes: 4096, region, verify: true })
    const { bytes } = pool.tryTake()!
    await region.close()
    assert.equal(bytes.length, 0)
  })
}

for (const [call, errno, code] of [
  ['memfdCreate', -EMFILE, 'ERR_SLUICE_DESCRIPTORS'],
  ['memfdCreate', -ENOMEM, 'ERR_SLUICE_MEMORY'],
  ['ftruncate', -EINVAL, 'ERR_SLUICE_SYSCALL'],
  ['fallocate', -ENOSPC, 'ERR_SLUICE_MEMORY'],
  ['fallocate', -ENOMEM, 'ERR_SLUICE_MEMORY'],
  ['mapShared', -ENOMEM, 'ERR_SLUICE_MEMORY'],
  ['addSeals', -EINVAL, 'ERR_SLUICE_SYSCALL'],
] as const) {
  test(`${call} failing with ${errno} is ${code}, and nothing is left behind`, { skip: needsAddon }, t => {
    t.mock.method(calls, call, () => errno)
    assert.throws(() => new Region({ bytes: 4096, name }), { code, errno, message: /4096 bytes/ })
    assertNothingHeld()
  })
}

test('an allocation that signals interrupt goes on', { skip: needsAddon }, async t => {
  const allocate = calls.fallocate
  let asked = 0
  t.mock.method(calls, 'fallocate', (fd: number, offset: number, length: number) =>
    ++asked % 3 === 0 ? allocate(fd, offset, length) : -EINTR,
  )
  const region = new Region({ bytes: 4096, name })
  assert.equal(asked, 3)
  await region.close()
})

test('a kernel that does not know MFD_NOEXEC_SEAL is asked without', { skip: needsAddon }, async t => {
  const create = calls.memfdCreate
  t.mock.method(calls, 'memfdCreate', (name: string, flags: number) =>
    flags & calls.MFD_NOEXEC_SEAL ? -EINVAL : create(name, flags),
  )
  const region = new Region({ bytes: 4096, name })
  assert.notEqual(region.fd, null)
  await region.close()
})

test('a region of huge pages is no source for sendfile, and is not verified', {
  skip: needsAddon,
}, async t => {
  // A machine that has none reserved: ordinary pages take their part.
  const create = calls.memfdCreate
  t.mock.method(calls, 'memfdCreate', (name: string, flags: number) =>
    create(name, flags & ~calls.MFD_HUGETLB),
  )
  for (const hugePages of ['try', 'require'] as const) {
    const region = new Region({ bytes: 4096, name, hugePages })
    assert.deepEqual([region.hugePages, region.hugePagesMissing, region.sendfileSource], [true, '', false])
    assert.throws(() => new Pool({ slots: 1, slotBytes: 4096, region, verify: true }), {
      code: 'ERR_SLUICE_OPTION',
      message: /huge/,
    })
    await region.close()
  }
  assertNothingHeld()
})

test('running out of descriptors is not mistaken for a lack of huge pages', { skip: needsAddon }, t => {
  t.mock.method(calls, 'memfdCreate', () => -EMFILE)
  for (const hugePages of ['try', 'require'] as const) {
    assert.throws(() => new Region({ bytes: 4096, hugePages }), { code: 'ERR_SLUICE_DESCRIPTORS' })
  }
})

test('a lease that cannot be mapped is an error for its taker, and the slot stays free', {
  skip: needsAddon,
}, async t => {
  const pool = new Pool({ slots: 1, slotBytes: 4096, verify: true })
  const held = pool.tryTake()!
  const waits = [pool.take(), pool.take()].map(wait => assert.rejects(wait, { code: 'ERR_SLUICE_MEMORY' }))
  const refusal = t.mock.method(calls, 'mapShared', () => -ENOMEM)
  held.release()
  await Promise.all(waits)
  assert.throws(() => pool.tryTake(), { code: 'ERR_SLUICE_MEMORY', syscall: 'mmap' })
  assert.deepEqual([pool.free, pool.leased, pool.waiting], [1, 0, 0])
  refusal.mock.restore()
  pool.tryTake()!.release()
  await pool.close()
})
