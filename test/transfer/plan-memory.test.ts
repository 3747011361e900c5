/** What is planned for memory, and what speaks against each path. */
import assert from 'node:assert/strict'
import { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file, type SinkTarget, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SourceLike } from '#sluice/transfer/ends/ends.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { PathName, PlanOptions } from '#sluice/transfer/plan/path.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { socketPair } from '../support/sockets.js'

test(
  'writev is preferred to copying whatever was measured, and copying can be asked for',
  needsAddon,
  async t => {
    const pair = await socketPair(t)
    const bytes = new Uint8Array(1 * MiB)
    const { path, rejected } = plan(bytes, pair.socket)
    assert.notEqual(path, 'copy')
    assert.match(rejected.find(other => other.path === 'copy')!.why, /one copy less/)
    assert.equal(plan(bytes, pair.socket, { prefer: 'copy' }).path, 'copy')
  },
)

test(
  'what is less than a page is gathered with others unless another path is asked for',
  needsAddon,
  async t => {
    const pool = new Pool({ slots: 1, slotBytes: 64 * KiB })
    t.after(() => pool.close())
    const lease = await pool.take()
    lease.length = 4095
    const pair = await socketPair(t)
    assert.equal(plan(lease, pair.socket).path, 'writev')
    assert.match(whyNot('sendfile', lease, pair.socket), /less than a page of 4096 bytes/)
    assert.equal(plan(lease, pair.socket, { prefer: 'sendfile' }).path, 'sendfile')
  },
)

test('by reference goes only what nobody changes any more', needsAddon, async t => {
  const region = new Region({ bytes: 1 * MiB })
  t.after(() => region.close())
  const pair = await socketPair(t)
  for (const path of ['sendfile', 'vmsplice'] as const) {
    assert.match(whyNot(path, region, pair.socket), /stable: true/)
    assert.match(whyNot(path, new Uint8Array(5000), pair.socket), /not in a region/)
    assert.match(whyNot(path, new Uint8Array(0), pair.socket), /no bytes/)
    const stable = memory(region, { stable: true })
    assert.equal(plan(stable, pair.socket, { prefer: path }).path, path)
  }
})

test('a slot whose pages must stay is not sent by reference', needsAddon, async t => {
  const pool = new Pool({ slots: 1, slotBytes: 64 * KiB })
  t.after(() => pool.close())
  const lease = await pool.take()
  const pair = await socketPair(t)
  const allow = pool.region.pages.keep('a ring has them')
  assert.match(whyNot('sendfile', lease, pair.socket), /other pages: a ring has them/)
  allow()
  assert.equal(plan(lease, pair.socket, { prefer: 'sendfile' }).path, 'sendfile')
})

test('huge pages are not sent by reference, and arrive all the same', needsAddon, async t => {
  // A machine that has none reserved: ordinary pages take their part.
  const create = native!.memfdCreate
  t.mock.method(native!, 'memfdCreate', (name: string, flags: number) =>
    create(name, flags & ~native!.MFD_HUGETLB),
  )
  const region = new Region({ bytes: 64 * KiB, hugePages: 'require' })
  const pool = new Pool({ slots: 1, slotBytes: 64 * KiB, hugePages: 'try' })
  t.after(() => Promise.all([region.close(), pool.close()]))
  const pair = await socketPair(t)
  for (const path of ['sendfile', 'vmsplice'] as const) {
    const lease = pool.tryTake()!
    const stable = memory(region, { stable: true })
    assert.match(whyNot(path, lease, pair.socket), /cannot get other pages: the pages are huge/)
    assert.match(whyNot(path, stable, pair.socket), /huge pages, which the kernel does not send by reference/)
    const before = pair.peer.bytes
    for (const from of [lease, stable]) {
      assert.match((await transfer(from, pair.socket, { prefer: path })).why, /huge/)
    }
    await pair.peer.take(before + 128 * KiB)
  }
  assert.match(
    plan(region, file('name'), { prefer: 'sendfile' }).rejected.find(({ path }) => path === 'sendfile')!.why,
    /huge pages, which sendfile cannot read from/,
  )
})

test('slots begin at page boundaries, whatever their size', needsAddon, async t => {
  const pool = new Pool({ slots: 3, slotBytes: 4097 })
  t.after(() => pool.close())
  const pair = await socketPair(t)
  for (const lease of [pool.tryTake()!, pool.tryTake()!, pool.tryTake()!]) {
    assert.equal(lease.offset % 4096, 0)
    // Any range of it goes by reference: the pages that it touches are its own.
    for (const range of [{}, { start: 1 }, { start: 4095, end: 4096 }]) {
      assert.equal(plan(memory(lease, range), pair.socket, { prefer: 'vmsplice' }).path, 'vmsplice')
    }
  }
})

test('what the sink is decides', needsAddon, async t => {
  const bytes = new Uint8Array(64 * KiB)
  const unix = await socketPair(t, { kind: 'Unix' })
  assert.match(whyNot('zerocopy', bytes, unix.socket), /only TCP/)
  const response = new ServerResponse({ method: 'GET' } as never)
  assert.match(whyNot('writev', bytes, response), /Node writes a response/)
  assert.match(whyNot('writev', bytes, new PassThrough()), /a stream without a socket/)
})

test('to a file it is the region that sendfile reads from', needsAddon, async t => {
  const region = new Region({ bytes: 1 * MiB })
  t.after(() => region.close())
  const ask = (from: SourceLike, to: ReturnType<typeof file>, options: PlanOptions): string =>
    plan(from, to, options).rejected.find(({ path }) => path === 'sendfile')?.why ?? 'taken'
  const options = { prefer: 'sendfile' } as const
  assert.equal(ask(region, file('name'), options), 'taken')
  assert.match(ask(new Uint8Array(1), file('name'), options), /not in a region/)
  assert.match(ask(region, file('name', { flags: 'a' }), options), /O_APPEND/)
  assert.match(ask(region, file(1), options), /where the descriptor stands/)
})

function whyNot(path: PathName, from: SourceLike, to: SinkTarget): string {
  return plan(from, socket(to)).rejected.find(other => other.path === path)!.why
}
