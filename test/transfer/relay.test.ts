/** Socket to socket: every byte, in order, by either path, and what happens when one end fails. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { openDescriptors } from '../support/descriptors.js'
import { eventually } from '../support/eventually.js'
import { refuseSplice } from '../support/refuse-splice.js'
import { type Ending, type Peer, type SocketKind, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const paths = ['splice', 'copy'] as const
/** More than two connections hold on the way, each up to 4 MiB to be sent and 32 MiB received. */
const plenty = randomBytes(80 * MiB)
const much = plenty.length
const plentySha256 = sha256(plenty)

for (const prefer of paths) {
  for (const kinds of [
    ['TCP', 'TCP'],
    ['TCP', 'Unix'],
    ['Unix', 'TCP'],
  ] as const) {
    const suite = `${prefer} from ${kinds[0]} to ${kinds[1]}`

    test(`${suite}: a sink that stops reading stops the source, and nothing is lost`, async t => {
      const { source, from, to, sink } = await ends(t, kinds, { reading: false })
      from.socket.end(plenty)
      const sent = transfer(socket(source), socket(sink), { prefer })
      await stalls(() => from.socket.writableLength)
      assert.ok(from.socket.writableLength > 0, 'back-pressure reaches the sender')
      assert.equal(sha256(await to.take(much)), plentySha256)
      assert.equal((await sent).bytes, much)
    })

    test(`${suite}: an abort ends it while it waits for the source, and both sockets stay usable`, async t => {
      const { source, from, to, sink } = await ends(t, kinds)
      const controller = new AbortController()
      const sent = transfer(socket(source), socket(sink), { prefer, signal: controller.signal })
      from.socket.write('first')
      await to.take(5)
      controller.abort()
      await assert.rejects(sent, { code: 'ERR_SLUICE_ABORTED', bytes: 5 })
      from.socket.end('second')
      await transfer(socket(source), socket(sink), { prefer })
      sink.end()
      assert.equal((await to.take()).toString(), 'firstsecond')
    })

    test(`${suite}: an end that is destroyed here ends it`, async t => {
      for (const which of ['source', 'sink'] as const) {
        const both = await ends(t, kinds, { reading: false })
        both.from.socket.write(plenty)
        const sent = transfer(socket(both.source), socket(both.sink), { prefer })
        await stalls(() => both.from.socket.writableLength)
        both[which].destroy()
        assert.equal((await rejection(sent)).code, 'ERR_SLUICE_SOCKET_CLOSED')
      }
    })
  }

  test(`${prefer}: both directions at once, each ended by itself`, async t => {
    const left = await socketPair(t)
    const right = await socketPair(t)
    const [there, back] = [randomBytes(3 * MiB), randomBytes(2 * MiB)]
    for (const end of [left.socket, right.socket]) end.allowHalfOpen = true
    for (const end of [left.peer.socket, right.peer.socket]) end.allowHalfOpen = true
    left.peer.socket.end(there)
    right.peer.socket.end(back)
    await Promise.all([
      transfer(socket(left.socket), socket(right.socket), { prefer }).then(() => right.socket.end()),
      transfer(socket(right.socket), socket(left.socket), { prefer }).then(() => left.socket.end()),
    ])
    assert.equal(sha256(await right.peer.take()), sha256(there))
    assert.equal(sha256(await left.peer.take()), sha256(back))
  })

  test(`${prefer}: 100 relays, some cut short, leave no more pipes open than one`, async t => {
    const pipes = (): number => openDescriptors().filter(name => name.startsWith('pipe:')).length
    const one = async (cut: boolean): Promise<void> => {
      const { source, from, sink } = await ends(t, ['TCP', 'TCP'], { reading: !cut })
      from.socket.end(cut ? plenty : 'x')
      const sent = transfer(socket(source), socket(sink), { prefer })
      if (cut) sink.destroy()
      await sent.catch(() => {})
      for (const end of [source, from.socket, sink]) end.destroy()
    }
    await one(false)
    const before = pipes()
    for (let count = 0; count < 100; count++) await one(count % 4 === 0)
    assert.equal(pipes(), before)
  })
}

test('what Node had read before goes first', async t => {
  const { source, from, sink, to } = await ends(t, ['TCP', 'TCP'])
  source.once('readable', () => {})
  for (const [piece, length] of [
    ['very ', 5],
    ['early ', 11],
  ] as const) {
    from.socket.write(piece)
    await eventually(
      () => source.readableLength === length,
      () => `Node read ${source.readableLength} bytes`,
    )
  }
  from.socket.end('late')
  const { bytes, copied } = await transfer(socket(source), socket(sink))
  sink.end()
  assert.equal((await to.take()).toString(), 'very early late')
  assert.equal(bytes, 15)
  assert.ok(copied >= 11)
})

test('a source that is reset while the pipe is not empty has failed, not ended', needsAddon, async t => {
  const { source, from, to, sink } = await ends(t, ['TCP', 'TCP'], { reading: false })
  source.on('error', () => {})
  from.socket.write(plenty)
  const sent = transfer(socket(source), socket(sink), { prefer: 'splice' })
  await stalls(() => from.socket.writableLength)
  from.socket.resetAndDestroy()
  to.socket.resume()
  assert.equal((await rejection(sent)).code, 'ERR_SLUICE_PEER_CLOSED')
})

test('what the pipe holds comes first where a sink cannot be spliced to', needsAddon, async t => {
  const { source, from, to, sink } = await ends(t, ['TCP', 'TCP'])
  refuseSplice(sink)
  const sent = transfer(socket(source), socket(sink), { prefer: 'splice' })
  from.socket.write('first, ')
  assert.equal((await to.take(7)).toString(), 'first, ')
  from.socket.end('second')
  const { bytes, path, copied } = await sent
  assert.deepEqual({ bytes, path, copied }, { bytes: 13, path: 'copy', copied: 13 })
  assert.equal((await to.take(13)).toString(), 'first, second')
})

test('a socket is the source of one transfer at a time', async t => {
  const { source, from, sink } = await ends(t, ['TCP', 'TCP'])
  const first = transfer(socket(source), socket(sink))
  await assert.rejects(transfer(socket(source), socket(sink)), { code: 'ERR_SLUICE_IN_FLIGHT' })
  from.socket.end()
  await first
})

test('a stream that is only for writing is no source, and one that is only for reading no sink', async t => {
  const { source } = await ends(t, ['TCP', 'TCP'])
  const [writable, readable] = [new Writable(), new Readable()]
  await assert.rejects(transfer(socket(writable), socket(source)), { code: 'ERR_SLUICE_OPTION' })
  await assert.rejects(transfer(socket(source), pipe(readable)), { code: 'ERR_SLUICE_OPTION' })
  assert.throws(() => plan(socket(writable), socket(source)), { code: 'ERR_SLUICE_OPTION' })
  assert.throws(() => plan(socket(source), pipe(readable)), { code: 'ERR_SLUICE_OPTION' })
})

test('the plan says why a relay copies', async t => {
  const { source, sink } = await ends(t, ['TCP', 'TCP'])
  assert.equal(plan(socket(source), socket(sink)).path, pathTaken('splice'))
  assert.match(plan(socket(source), socket(sink), { prefer: 'copy' }).why, /asked for/)
  const { path, rejected } = plan(socket(source), socket(new PassThrough()))
  assert.equal(path, 'copy')
  assert.equal(rejected[0]!.path, 'splice')
})

test('the end of the source is the end that Node finds as well', async t => {
  const { source, from, sink } = await ends(t, ['TCP', 'TCP'])
  let ended = false
  source.once('end', () => {
    ended = true
  })
  from.socket.end('x')
  await transfer(socket(source), socket(sink))
  await eventually(
    () => ended,
    () => "the source had no 'end'",
  )
})

test('pages of a file pass through a relay by reference', needsAddon, async t => {
  const { source, from, to, sink } = await ends(t, ['TCP', 'TCP'], { reading: false })
  const name = join(temporaryFolder(t), 'file.bin')
  const length = 32 * KiB
  writeFileSync(name, Buffer.alloc(length, 'A'))
  // Begun first, so that Node reads nothing of it.
  const relayed = transfer(socket(source), socket(sink), { prefer: 'splice' })
  await transfer(file(name), socket(from.socket))
  from.socket.end()
  assert.equal((await relayed).copied, 0)
  const fd = openSync(name, 'r+')
  writeSync(fd, Buffer.alloc(length, 'B'), 0, length, 0)
  closeSync(fd)
  assert.ok((await to.take(length)).equals(Buffer.alloc(length, 'B')))
})

/** Two connections: `from` writes to the source, `to` reads from the sink; the source is not read by anybody yet. */
async function ends(
  t: Ending,
  [fromKind, toKind]: readonly [SocketKind, SocketKind],
  { reading = true } = {},
): Promise<{ source: Socket; from: Peer; sink: Socket; to: Peer }> {
  const near = await socketPair(t, { kind: fromKind })
  const far = await socketPair(t, { kind: toKind, reading })
  near.socket.allowHalfOpen = true
  return { source: near.socket, from: near.peer, sink: far.socket, to: far.peer }
}

async function rejection(sent: Promise<TransferResult>): Promise<Error & { code: string; bytes: number }> {
  return await sent.then(
    () => assert.fail('it was to fail'),
    error => error,
  )
}

/** Waits until a number has stopped changing. */
async function stalls(measure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 20; ) {
    await new Promise(resolve => setTimeout(resolve, 5))
    same = measure() === last ? same + 1 : 0
    last = measure()
  }
}
