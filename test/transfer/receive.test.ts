/** receive(): every byte in order, back-pressure by the pool, and nothing lost wherever receiving stops. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'
import { pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { type ReceiveOptions, receive } from '#sluice/transfer/jobs/receive.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { eventually, pause } from '../support/eventually.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { type Ending, socketPair } from '../support/sockets.js'

for (const kind of ['TCP', 'Unix'] as const) {
  for (const verify of [false, true]) {
    for (const length of [0, 1, 4095, 4096, 4097, 1 * MiB + 17]) {
      const name = `${length} bytes of a ${kind} socket arrive${verify ? ', in memory that checks itself' : ''}`
      test(name, async t => {
        const { socket: source, peer } = await socketPair(t, { kind })
        const pool = poolOf(t, { verify })
        const bytes = randomBytes(length)
        peer.socket.end(bytes)
        assert.equal(sha256(await all(source, pool)), sha256(bytes))
        assert.equal(pool.free, pool.slots)
      })
    }
  }
}

test('a pool without a free slot stops the sender, and what is kept stays as it came', async t => {
  const { socket: source, peer } = await socketPair(t)
  const pool = poolOf(t, { slots: 2, slotBytes: 4 * KiB })
  const bytes = randomBytes(24 * MiB)
  peer.socket.end(bytes)
  const received = receive(source, pool)
  const [first, second] = [await received.next(), await received.next()]
  assert.equal(pool.free, 0)
  const third = received.next()
  await pause(50)
  assert.ok(peer.socket.writableLength > 0, 'back-pressure reaches the sender')
  const kept = Buffer.concat([first.value!.bytes, second.value!.bytes])
  assert.equal(sha256(kept), sha256(bytes.subarray(0, kept.length)))
  first.value!.release()
  const { value } = await third
  assert.ok(Buffer.from(value!.bytes).equals(bytes.subarray(kept.length, kept.length + value!.length)))
  second.value!.release()
  value!.release()
  await received.return!()
})

test('what Node had read before comes first', async t => {
  const { socket: source, peer } = await socketPair(t)
  peer.socket.write('early ')
  source.once('readable', () => {})
  await eventually(
    () => source.readableLength === 6,
    () => 'Node read nothing',
  )
  peer.socket.end('late')
  assert.equal((await all(source, poolOf(t, { slotBytes: 4 }))).toString(), 'early late')
})

test('leaving the loop gives reading back to Node, with every byte that was not handed out', async t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  for (let round = 0; round < 10; round++) {
    const { socket: source, peer } = await socketPair(t)
    // Eight leases are not more than what is sent before they are asked for.
    const pool = poolOf(t, { slotBytes: 1 + random.below(6000) })
    const bytes = randomBytes(100_000)
    peer.socket.write(bytes.subarray(0, 50_000))
    // Node has some of it in its buffer, or not.
    if (random.below(2) === 0) {
      source.once('readable', () => {})
      await eventually(
        () => source.readableLength > 0,
        () => 'Node read nothing',
      )
    }
    const head: Buffer[] = []
    let leases = random.below(8)
    for await (const lease of receive(source, pool)) {
      head.push(Buffer.from(lease.bytes))
      lease.release()
      if (leases-- === 0) break
    }
    peer.socket.end(bytes.subarray(50_000))
    const tail: Buffer[] = []
    for await (const chunk of source) tail.push(chunk)
    assert.equal(sha256(Buffer.concat([...head, ...tail])), sha256(bytes))
    assert.equal(pool.free, pool.slots)
  }
})

test('bytesMax ends it, and the next one goes on from there', async t => {
  const { socket: source, peer } = await socketPair(t)
  const pool = poolOf(t, { slotBytes: 7 })
  peer.socket.end('head of ten, and the body')
  assert.equal((await all(source, pool, { bytesMax: 12 })).toString(), 'head of ten,')
  assert.equal((await all(source, pool, { bytesMax: 0 })).toString(), '')
  assert.equal((await all(source, pool)).toString(), ' and the body')
})

test('an abort ends the wait for bytes, and the socket stays usable', async t => {
  const { socket: source, peer } = await socketPair(t)
  const pool = poolOf(t)
  const controller = new AbortController()
  const received = receive(source, pool, { signal: controller.signal })
  const waiting = received.next()
  await pause(5)
  controller.abort()
  await assert.rejects(waiting, { code: 'ERR_SLUICE_ABORTED' })
  assert.deepEqual(await received.next(), { done: true, value: undefined })
  peer.socket.end('after')
  assert.equal((await all(source, pool)).toString(), 'after')
  await assert.rejects(all(source, pool, { signal: AbortSignal.abort() }), { code: 'ERR_SLUICE_ABORTED' })
})

test('an abort ends the wait for a slot, and nothing is lost', async t => {
  const { socket: source, peer } = await socketPair(t)
  const pool = poolOf(t, { slots: 1 })
  const lease = await pool.take()
  const controller = new AbortController()
  peer.socket.end('kept')
  const waiting = receive(source, pool, { signal: controller.signal }).next()
  await pause(5)
  controller.abort()
  await assert.rejects(waiting, { code: 'ERR_SLUICE_ABORTED' })
  lease.release()
  assert.equal((await all(source, pool)).toString(), 'kept')
})

test('return() ends a wait as well, and calls of next() are answered in their order', async t => {
  const { socket: source, peer } = await socketPair(t)
  const pool = poolOf(t, { slotBytes: 2 })
  const received = receive(source, pool)
  const answers = [received.next(), received.next(), received.next()]
  peer.socket.write('abcd')
  assert.equal(Buffer.from((await answers[0]!).value!.bytes).toString(), 'ab')
  assert.equal(Buffer.from((await answers[1]!).value!.bytes).toString(), 'cd')
  assert.deepEqual(await received.return!(), { done: true, value: undefined })
  assert.deepEqual(await answers[2], { done: true, value: undefined })
})

test('a reset, and a socket that is destroyed here, are errors', async t => {
  const reset = await socketPair(t)
  reset.socket.on('error', () => {})
  const first = receive(reset.socket, poolOf(t)).next()
  await pause(5)
  reset.peer.socket.resetAndDestroy()
  await assert.rejects(first, { code: 'ERR_SLUICE_PEER_CLOSED' })
  const destroyed = await socketPair(t)
  const second = receive(destroyed.socket, poolOf(t)).next()
  await pause(5)
  destroyed.socket.destroy()
  await assert.rejects(second, { code: 'ERR_SLUICE_SOCKET_CLOSED' })
})

test('a pool that is closed while it is waited for ends it, and the socket stays usable', async t => {
  const { socket: source, peer } = await socketPair(t)
  const closing = new Pool({ slots: 1, slotBytes: 4 })
  await closing.take()
  peer.socket.end('kept')
  const waiting = receive(source, closing).next()
  await pause(5)
  await closing.close()
  await assert.rejects(waiting, { code: 'ERR_SLUICE_CLOSED' })
  assert.equal((await all(source, poolOf(t))).toString(), 'kept')
})

test('the end is the end that Node finds as well', async t => {
  const { socket: source, peer } = await socketPair(t)
  peer.socket.end('x')
  await all(source, poolOf(t))
  await eventually(
    () => source.readableEnded,
    () => "the source had no 'end'",
  )
})

test('a descriptor of a pipe is read, and may be closed meanwhile', needsAddon, async t => {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, 0), 0)
  const [readFd, writeFd] = ends as unknown as [number, number]
  const received = receive(pipe(readFd), poolOf(t, { slotBytes: 5 }))
  const first = received.next()
  closeSync(readFd)
  writeSync(writeFd, 'bytes of a pipe')
  closeSync(writeFd)
  const chunks = [Buffer.from((await first).value!.bytes)]
  for await (const lease of received) chunks.push(Buffer.from(lease.bytes))
  assert.equal(Buffer.concat(chunks).toString(), 'bytes of a pipe')
})

test('a stream without a socket is copied from, and keeps what is not handed out', async t => {
  const pool = poolOf(t, { slotBytes: 4 })
  const stream = new PassThrough()
  stream.end('one two three')
  assert.equal((await all(stream, pool, { bytesMax: 6 })).toString(), 'one tw')
  assert.equal((await all(stream, pool)).toString(), 'o three')
})

test('one reader at a time', async t => {
  const { socket: source, peer } = await socketPair(t)
  const sink = await socketPair(t)
  const received = receive(source, poolOf(t))
  const first = received.next()
  await pause(5)
  await assert.rejects(receive(source, poolOf(t)).next(), { code: 'ERR_SLUICE_IN_FLIGHT' })
  await assert.rejects(transfer(socket(source), socket(sink.socket)), { code: 'ERR_SLUICE_IN_FLIGHT' })
  peer.socket.end('x')
  ;(await first).value!.release()
  await received.return!()
})

test('what cannot be received from is refused', async t => {
  const pool = poolOf(t)
  const { socket: source } = await socketPair(t)
  assert.throws(() => receive('name' as never, pool), { code: 'ERR_SLUICE_OPTION' })
  assert.throws(() => receive(Buffer.from('memory') as never, pool), { code: 'ERR_SLUICE_OPTION' })
  assert.throws(() => receive(source, {} as Pool), { code: 'ERR_SLUICE_OPTION' })
  assert.throws(() => receive(source, pool, { bytesMax: -1 }), { code: 'ERR_SLUICE_OPTION' })
  await assert.rejects(receive(Readable.from(['text']), pool).next(), { code: 'ERR_SLUICE_OPTION' })
})

test('random segments and slow consumers lose nothing', async t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  const { socket: source, peer } = await socketPair(t)
  const pool = poolOf(t, { slots: 3, slotBytes: 3000, verify: true })
  const written: Buffer[] = []
  const writing = (async () => {
    for (let count = 0; count < 300; count++) {
      const chunk = randomBytes(1 + random.below(random.pick([3, 3000, 20_000])!))
      written.push(chunk)
      peer.socket.write(chunk)
      if (random.below(4) === 0) await pause(0)
    }
    peer.socket.end()
  })()
  const got: Buffer[] = []
  for await (const lease of receive(source, pool)) {
    got.push(Buffer.from(lease.bytes))
    if (random.below(20) === 0) setTimeout(() => lease.release(), 2)
    else lease.release()
  }
  await writing
  assert.equal(sha256(Buffer.concat(got)), sha256(Buffer.concat(written)))
  await eventually(
    () => pool.free === pool.slots,
    () => 'a slot was not given back',
  )
})

function poolOf(t: Ending, { slots = 4, slotBytes = 16 * KiB, verify = false } = {}): Pool {
  const pool = new Pool({ slots, slotBytes, verify })
  t.after(() => pool.close())
  return pool
}

async function all(from: Socket | Readable, pool: Pool, options?: ReceiveOptions): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const lease of receive(from, pool, options)) {
    chunks.push(Buffer.from(lease.bytes))
    lease.release()
  }
  return Buffer.concat(chunks)
}
