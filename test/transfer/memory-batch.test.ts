/** Many leases to one socket: how they go together, in which order, and what becomes of them when it fails. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import type { SluiceError } from '#sluice/base/errors.js'
import { KiB } from '#sluice/base/units.js'
import type { Lease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { eventually } from '../support/eventually.js'
import { type Ending, listener, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const slots = 1500

test('what is asked for in one turn of the loop goes out in one system call', needsAddon, async t => {
  const { pair, lend } = await setUp(t)
  const calls = countCalls(t)
  const { results, expected } = await sendAll(
    pair.socket,
    Array.from({ length: 64 }, () => lend(1 * KiB)),
  )
  assert.equal(calls(), 1)
  assert.equal(sha256(await pair.peer.take(expected.length)), sha256(expected))
  for (const result of results) assertSent(result, 1 * KiB)
})

test('more than one call takes goes out in several, each in its order, and the slots come back', async t => {
  const { pool, pair, lend } = await setUp(t)
  const leases = Array.from({ length: slots }, (_, index) => lend((index * 7) % (4 * KiB)))
  const { results, expected } = await sendAll(pair.socket, leases)
  assert.equal(sha256(await pair.peer.take(expected.length)), sha256(expected))
  for (const [index, result] of results.entries()) assertSent(result, (index * 7) % (4 * KiB))
  assert.equal(pool.free, slots)
})

test('to a slow reader they join while the socket is full', needsAddon, async t => {
  const { pool, pair, lend } = await setUp(t, false)
  const calls = countCalls(t)
  const sent: Buffer[] = []
  const transfers: Promise<TransferResult>[] = []
  // More than the buffers of both sockets hold.
  for (let round = 0; round < 8; round++) {
    for (let index = 0; index < 180; index++) {
      const lease = lend(4 * KiB)
      sent.push(Buffer.from(lease.bytes))
      transfers.push(transfer(lease, socket(pair.socket)))
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  const expected = Buffer.concat(sent)
  const received = pair.peer.take(expected.length)
  for (const result of await Promise.all(transfers)) assertSent(result, 4 * KiB)
  assert.equal(sha256(await received), sha256(expected))
  assert.equal(pool.free, slots)
  assert.ok(calls() < 8 * 180, `${calls()} calls`)
})

test('they keep their order with what Node writes, and with other transfers', async t => {
  const { pair, lend } = await setUp(t)
  const { path, bytes } = randomFile(temporaryFolder(t), 'between.bin', 100 * KiB)
  const first = lend(10)
  const second = lend(20)
  const third = lend(30)
  const expected = Buffer.concat([
    Buffer.from('before'),
    first.bytes,
    Buffer.from('between'),
    second.bytes,
    bytes,
    third.bytes,
  ])
  pair.socket.write('before')
  const transfers = [transfer(first, socket(pair.socket)), transfer(lend(0), socket(pair.socket))]
  pair.socket.write('between')
  transfers.push(transfer(second, socket(pair.socket)))
  transfers.push(transfer(file(path), socket(pair.socket)))
  transfers.push(transfer(third, socket(pair.socket)))
  await Promise.all(transfers)
  assert.equal(sha256(await pair.peer.take(expected.length)), sha256(expected))
})

test('a lease that is not the program’s is refused, and what is in flight is not disturbed', async t => {
  const { pair, lend } = await setUp(t)
  const lease = lend(100)
  const expected = Buffer.from(lease.bytes)
  const sent = transfer(lease, socket(pair.socket))
  assert.equal((await failure(transfer(lease, socket(pair.socket)))).code, 'ERR_SLUICE_IN_FLIGHT')
  assertSent(await sent, 100)
  assert.equal((await failure(transfer(lease, socket(pair.socket)))).code, 'ERR_SLUICE_RELEASED')
  assert.deepEqual(await pair.peer.take(100), expected)
})

test(
  'when the socket fails all fail, each with the bytes of its own, and the slots come back',
  needsAddon,
  async t => {
    const { pool, pair, lend } = await setUp(t)
    const { ECONNRESET } = constants.errno
    const real = native!.sendViews
    let call = 0
    t.mock.method(native!, 'sendViews', (fd: number, views: readonly Uint8Array[], flags: number) =>
      call++ === 0 ? real(fd, [views[0]!, views[1]!.subarray(0, 3)], flags) : -ECONNRESET,
    )
    const settled = await Promise.allSettled(
      [lend(10), lend(10), lend(10), lend(10)].map(lease => transfer(lease, socket(pair.socket))),
    )
    assert.equal(settled[0]!.status, 'fulfilled')
    const errors = settled.slice(1).map(one => (one as PromiseRejectedResult).reason as SluiceError)
    assert.deepEqual(
      errors.map(error => [error.code, error.bytes]),
      [
        ['ERR_SLUICE_PEER_CLOSED', 3],
        ['ERR_SLUICE_PEER_CLOSED', 0],
        ['ERR_SLUICE_PEER_CLOSED', 0],
      ],
    )
    assert.equal(errors[0]!.syscall, 'sendmsg')
    assert.equal(errors[1]!.cause, errors[0])
    assert.equal(pool.free, slots)
  },
)

test('a socket that is destroyed in the same turn of the loop takes nothing', needsAddon, async t => {
  const { pool, pair, lend } = await setUp(t)
  const transfers = [lend(10), lend(10)].map(lease => failure(transfer(lease, socket(pair.socket))))
  pair.socket.destroy()
  for (const error of await Promise.all(transfers)) {
    assert.equal(error.code, 'ERR_SLUICE_SOCKET_CLOSED')
    assert.equal(error.bytes, 0)
  }
  await eventually(
    () => pool.free === slots,
    () => `${pool.free} slots came back`,
  )
  assert.equal((await failure(transfer(lend(1), socket(pair.socket)))).code, 'ERR_SLUICE_SOCKET_CLOSED')
})

test('where the kernel refuses to gather they are copied, in their order', needsAddon, async t => {
  const { pool, pair, lend } = await setUp(t)
  t.mock.method(native!, 'sendViews', () => -constants.errno.EPERM)
  const { results, expected } = await sendAll(pair.socket, [lend(10), lend(0), lend(3 * KiB)])
  assert.equal(sha256(await pair.peer.take(expected.length)), sha256(expected))
  for (const { path, why } of results) {
    assert.equal(path, 'copy')
    assert.match(why, /sendmsg is refused here \(EPERM\)/)
  }
  assert.equal(pool.free, slots)
})

test('a socket that is not connected yet takes them when it is', async t => {
  const { pool, lend } = await setUp(t)
  const server = await listener(t)
  const peer = new Promise<Buffer>(resolve => {
    server.once('connection', async accepted => {
      const chunks: Buffer[] = []
      for await (const chunk of accepted) chunks.push(chunk)
      resolve(Buffer.concat(chunks))
    })
  })
  const sink = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => sink.destroy())
  const { results, expected } = await sendAll(sink, [lend(10), lend(4 * KiB), lend(0)])
  assert.deepEqual(
    results.map(({ bytes }) => bytes),
    [10, 4 * KiB, 0],
  )
  sink.end()
  assert.deepEqual(await peer, expected)
  assert.equal(pool.free, slots)
})

test('closing the pool waits for those that are under way', async t => {
  const { pool, pair, lend } = await setUp(t)
  const lease = lend(100)
  const expected = Buffer.from(lease.bytes)
  const sent = transfer(lease, socket(pair.socket))
  await pool.close()
  assertSent(await sent, 100)
  assert.deepEqual(await pair.peer.take(100), expected)
})

interface SetUp {
  readonly pool: Pool
  readonly pair: Awaited<ReturnType<typeof socketPair>>
  lend(bytes: number): Lease
}

async function setUp(t: Ending, reading = true): Promise<SetUp> {
  const pool = new Pool({ slots, slotBytes: 4 * KiB, verify: true })
  t.after(() => pool.close())
  const lend = (bytes: number): Lease => {
    const lease = pool.tryTake()!
    lease.length = bytes
    randomFillSync(lease.bytes)
    return lease
  }
  return { pool, pair: await socketPair(t, { reading }), lend }
}

async function sendAll(
  to: Socket,
  leases: readonly Lease[],
): Promise<{ results: TransferResult[]; expected: Buffer }> {
  const expected = Buffer.concat(leases.map(lease => lease.bytes))
  return { results: await Promise.all(leases.map(lease => transfer(lease, socket(to)))), expected }
}

function assertSent(result: TransferResult, bytes: number): void {
  assert.equal(result.path, pathTaken('writev'))
  assert.equal(result.bytes, bytes)
  assert.equal(result.copied, bytes)
  assert.ok(result.ms >= 0)
}

/** → how many system calls have gathered bytes since. */
function countCalls(t: TestContext): () => number {
  const { mock } = t.mock.method(native!, 'sendViews')
  return () => mock.callCount()
}

async function failure(transferred: Promise<unknown>): Promise<SluiceError> {
  return (await assert.rejects(transferred).then(() => transferred.catch(error => error))) as SluiceError
}
