/** The kernel goes by the pages of registered buffers: leases of their region are not sent by reference meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { LentPages } from '#sluice/memory/lent-pages.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { socketPair } from '../support/sockets.js'
import { needsRing, TestRing } from './support.js'

const kept = 'the slot cannot get other pages: a ring goes by them'

test('leases of registered memory are copied until the ring is closed', needsRing, async t => {
  const ring = new ThreadRing({ entries: 4 })
  const pool = new Pool({ slots: 1, slotBytes: 64 * KiB })
  t.after(() => pool.close())
  const { socket, peer } = await socketPair(t)
  peer.socket.resume()
  const send = () => transfer(memory(pool.tryTake()!), socket, { prefer: 'vmsplice' })
  assert.equal((await send()).path, 'vmsplice')

  ring.buffers.register([ring.use(pool.region)])
  const { path, why, copied } = await send()
  assert.deepEqual([path, why, copied], ['writev', kept, 64 * KiB])
  const lease = pool.tryTake()!
  for (const prefer of ['vmsplice', 'sendfile'] as const)
    assert.equal(plan(lease, socket, { prefer }).why, kept)
  lease.release()

  await ring.close()
  assert.equal((await send()).path, 'vmsplice')
})

test(
  'memory that is being sent by reference cannot be registered, nor what was named beside it',
  needsRing,
  async t => {
    const { ring } = new TestRing(t)
    const [sent, other] = [0, 1].map(() => new Region({ bytes: 4 * KiB })) as [Region, Region]
    const memories = [ring.use(other), ring.use(sent)]
    const lent = new LentPages(sent, 0, 4 * KiB)
    assert.equal(lent.lend(), '')
    assert.throws(() => ring.buffers.register(memories), { code: 'ERR_SLUICE_IN_FLIGHT' })
    assert.deepEqual([ring.buffers.count, other.pages.keptBecause], [0, ''])
    lent.takeBack(false, () => {})
    ring.buffers.register(memories)
    assert.deepEqual(
      [sent, other].map(({ pages }) => pages.keptBecause),
      Array(2).fill('a ring goes by them'),
    )
    // There is a table already; the reasons of the first stay.
    const late = new Region({ bytes: 4 * KiB })
    const memory = ring.use(late)
    assert.throws(() => ring.buffers.register([memory]), { code: 'ERR_SLUICE_SYSCALL' })
    assert.equal(late.pages.keptBecause, '')
    assert.equal(sent.pages.keptBecause, 'a ring goes by them')
    for (const each of [memory, ...memories]) each.release()
    await late.close()
  },
)
