/** A list is planned for as it is transferred: part by part. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { Pool } from '#sluice/memory/pool.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { Sink, SourceLike } from '#sluice/transfer/ends/ends.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile } from '../support/contents.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

/** One of each kind; the file is the largest. */
async function partsOf(t: TestContext): Promise<SourceLike[]> {
  const folder = temporaryFolder(t)
  const { path } = randomFile(folder, 'large.bin', 2 * MiB)
  const pool = new Pool({ slots: 1, slotBytes: 64 * KiB })
  const mapping = mapFile(randomFile(folder, 'mapped.bin', 100 * KiB).path)
  t.after(async () => {
    mapping.close()
    await pool.close()
  })
  const lease = pool.tryTake()!
  return [
    Buffer.from('head'),
    lease,
    file(path, { end: 2 * MiB - 1 }),
    memory(mapping),
    Readable.from([Buffer.from('x')]),
  ]
}

const sinks = {
  socket: async (t: TestContext): Promise<Sink> => {
    const { socket: sink, peer } = await socketPair(t)
    peer.socket.resume()
    return socket(sink)
  },
  'stream without a socket': async (): Promise<Sink> => {
    const { PassThrough } = await import('node:stream')
    return socket(new PassThrough().resume())
  },
  'new file': async (t: TestContext): Promise<Sink> => file(join(temporaryFolder(t), 'sink.bin')),
  'file that is appended to': async (t: TestContext): Promise<Sink> =>
    file(join(temporaryFolder(t), 'sink.bin'), { flags: 'a' }),
}

for (const [name, open] of Object.entries(sinks)) {
  for (const prefer of [undefined, 'copy', 'writev', 'sendfile', 'zerocopy'] satisfies (
    | PathName
    | undefined
  )[]) {
    test(`each part goes to a ${name} as it was planned, ${prefer ?? 'nothing'} being asked for`, async t => {
      const parts = await partsOf(t)
      const to = await open(t)
      // The stream is as long as nobody knows, and the first such counts as the largest.
      const { parts: planned, path } = plan(parts, to, { prefer })
      const done = await transfer(parts, to, { prefer })
      assert.deepEqual(
        planned.map(part => part.path),
        done.parts!.map(part => part.path),
      )
      assert.equal(path, planned.at(-1)!.path)
      assert.equal(done.path, planned[2]!.path)
    })
  }
}

test('the largest part speaks for the whole: one of unknown length, or what is left for it', async t => {
  const { socket: sink } = await socketPair(t)
  const large = new Uint8Array(10 * KiB)
  const of = (bytes?: number) => plan([large, file('any'), new Uint8Array(1)], sink, { bytes })
  const pathOf = (index: number) => of().parts[index]!.path
  assert.equal(of().path, pathOf(1))
  assert.equal(of(20 * KiB + 2).path, pathOf(1))
  assert.equal(of(10 * KiB + 2).path, pathOf(0))
  assert.equal(of(0).path, pathOf(0))
  const made = of()
  assert.equal(made.parts.length, 3)
  assert.throws(() => Object.assign(made, { path: 'copy' }), TypeError)
  assert.throws(() => Object.assign(made.parts, { 0: null }), TypeError)
})

test('lists that cannot be transferred have no plan', async t => {
  const { socket: sink } = await socketPair(t)
  const stream = Readable.from([])
  for (const list of [[], [stream, stream], [5 as never]]) {
    assert.throws(() => plan(list, sink), { code: 'ERR_SLUICE_OPTION' })
  }
  assert.throws(() => plan([new Uint8Array(1)] as never, [sink]), { code: 'ERR_SLUICE_OPTION' })
})
