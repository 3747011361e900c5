/** Fresh pages in the place of those that others still refer to. */
import assert from 'node:assert/strict'
import { closeSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { retireLease, submitLease } from '#sluice/memory/lease.js'
import { LentPages } from '#sluice/memory/lent-pages.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { eventually } from '../support/eventually.js'
import { needsAddon } from './support.js'

const { EACCES, ENOMEM, ENOSPC, EPERM } = constants.errno
const calls = native as Native
const page = native?.PAGE_BYTES ?? 4096

test('who refers to the old pages keeps them; the program gets zeros that are its own', {
  skip: needsAddon,
}, async t => {
  const region = new Region({ bytes: 3 * page })
  region.bytes.fill('A'.charCodeAt(0))
  const ends = new Int32Array(2)
  assert.equal(calls.pipe2(ends, calls.O_CLOEXEC), 0)
  t.after(() => ends.forEach(fd => void closeSync(fd)))
  assert.equal(calls.vmsplice(ends[1]!, region.bytes.subarray(page, 2 * page), 0), page)
  assert.equal(region.pages.replace(page, page), 0)
  assert.ok(region.bytes.subarray(page, 2 * page).every(byte => byte === 0))
  assert.ok(region.bytes.subarray(0, page).every(byte => byte === 65))
  assert.ok(region.bytes.subarray(2 * page).every(byte => byte === 65))
  region.bytes.fill('B'.charCodeAt(0))
  const seen = Buffer.alloc(page)
  assert.equal(readSync(ends[0]!, seen), page)
  assert.ok(seen.every(byte => byte === 65))
  // What the descriptor shows is what the bytes are.
  readSync(region.fd!, seen, 0, page, page)
  assert.ok(seen.every(byte => byte === 66))
  await region.close()
})

test('pages that somebody goes by are not lent, until the last has let go', {
  skip: needsAddon,
}, async () => {
  const region = new Region({ bytes: page })
  assert.equal(region.pages.keptBecause, '')
  const allow = [region.pages.keep('a ring goes by them'), region.pages.keep('a ring goes by them')]
  const lent = new LentPages(region, 0, page)
  assert.equal(lent.lend(), 'a ring goes by them')
  allow[0]!()
  allow[0]!()
  assert.equal(lent.lend(), 'a ring goes by them')
  allow[1]!()
  assert.equal(lent.lend(), '')
  assert.throws(() => region.pages.keep('a ring goes by them'), { code: 'ERR_SLUICE_IN_FLIGHT' })
  lent.takeBack(false, () => {})
  region.pages.keep('a ring goes by them')()
  await region.close()
})

test('pages that were not taken are not replaced, and neither are those that were not lent', {
  skip: needsAddon,
}, async () => {
  const region = new Region({ bytes: page })
  region.bytes.fill(1)
  let ended = 0
  new LentPages(region, 0, page).takeBack(true, () => ended++)
  const lent = new LentPages(region, 0, page)
  assert.equal(lent.lend(), '')
  lent.takeBack(false, () => ended++)
  assert.equal(ended, 2)
  assert.ok(region.bytes.every(byte => byte === 1))
  await region.close()
})

test('a region that is sealed, plain or in a sandbox says why its pages stay', async t => {
  if (native !== null) {
    const sealed = new Region({ bytes: page, seal: 'future-write' })
    assert.match(sealed.pages.keptBecause, /FALLOC_FL_PUNCH_HOLE\) is refused \(EPERM\)/)
    await sealed.close()
    t.mock.method(calls, 'punchHole', () => -EACCES)
    const refused = new Region({ bytes: page })
    assert.match(refused.pages.keptBecause, /is refused \(EACCES\)/)
    await refused.close()
    t.mock.method(calls, 'memfdCreate', () => -EPERM)
  }
  const plain = new Region({ bytes: page })
  assert.match(plain.pages.keptBecause, /^there is no descriptor: /)
  assert.equal(plain.pages.lend(), plain.pages.keptBecause)
  await plain.close()
})

for (const [name, errno] of Object.entries({ ENOMEM, ENOSPC })) {
  test(`where fresh pages are missing (${name}) the slot stays in flight, and they are asked for again`, {
    skip: needsAddon,
  }, async t => {
    const pool = new Pool({ slots: 1, slotBytes: 2 * page, verify: true })
    const lease = pool.tryTake()!
    const { region, offset } = lease
    let asked = 0
    const allocate = calls.fallocate
    submitLease(lease)
    t.mock.method(calls, 'fallocate', (fd: number, start: number, length: number) =>
      ++asked <= 3 ? -errno : allocate(fd, start, length),
    )
    const lent = new LentPages(region, offset, 2 * page)
    assert.equal(lent.lend(), '')
    let ended = false
    lent.takeBack(true, () => {
      ended = true
      retireLease(lease)
    })
    assert.equal(ended, false)
    assert.deepEqual([pool.inFlight, pool.tryTake()], [1, null])
    assert.throws(() => region.pages.keep('a ring goes by them'), { code: 'ERR_SLUICE_IN_FLIGHT' })
    const next = await pool.take()
    assert.equal(asked, 4)
    next.bytes.fill(3)
    next.release()
    await pool.close()
  })
}

test('a region that is closed meanwhile needs no fresh pages', { skip: needsAddon }, async t => {
  const region = new Region({ bytes: page })
  region.pin()
  const lent = new LentPages(region, 0, page)
  lent.lend()
  t.mock.method(calls, 'fallocate', () => -ENOMEM)
  let ended = false
  lent.takeBack(true, () => {
    ended = true
    region.unpin()
  })
  const closed = region.close()
  await eventually(
    () => ended,
    () => 'the pages were waited for',
  )
  await closed
})
