/** One source to several sinks: every byte, in order, to each, and what happens to a sink that is slow or fails. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { run } from '../support/command.js'
import { sha256 } from '../support/contents.js'
import { openDescriptors } from '../support/descriptors.js'
import { eventually } from '../support/eventually.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { type Ending, type Peer, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const paths = ['tee', 'copy'] as const
/** More than the pipes and one connection hold on the way: up to 4 MiB to be sent and 32 MiB received. */
const plenty = randomBytes(48 * MiB)
const much = plenty.length
const plentySha256 = sha256(plenty)

for (const prefer of paths) {
  for (const length of [0, 1, 4095, 4096, 4097, 1 * MiB, 3 * MiB + 17]) {
    test(`${prefer}: ${length} bytes of a socket reach two sockets, a file and a log`, async t => {
      const { source, from } = await sourceSocket(t)
      const first = await socketPair(t)
      const second = await socketPair(t, { kind: 'Unix' })
      const folder = temporaryFolder(t)
      const [whole, log] = [join(folder, 'whole.bin'), join(folder, 'log.bin')]
      writeFileSync(whole, randomBytes(100_000))
      writeFileSync(log, 'before ')
      const bytes = randomBytes(length)
      from.socket.end(bytes)
      const result = await transfer(
        socket(source),
        [socket(first.socket), socket(second.socket), file(whole), file(log, { flags: 'a' })],
        { prefer },
      )
      assert.equal(result.path, pathTaken(prefer))
      assert.equal(result.bytes, length)
      assert.deepEqual(
        result.sinks.map(sink => [sink.bytes, sink.dropped, sink.path]),
        [pathTaken(prefer), pathTaken(prefer), pathTaken(prefer), 'copy'].map(path => [length, false, path]),
      )
      first.socket.end()
      second.socket.end()
      assert.equal(sha256(await first.peer.take()), sha256(bytes))
      assert.equal(sha256(await second.peer.take()), sha256(bytes))
      assert.equal(sha256(readFileSync(whole)), sha256(bytes))
      assert.equal(sha256(readFileSync(log)), sha256(Buffer.concat([Buffer.from('before '), bytes])))
    })

    test(`${prefer}: ${length} bytes of a file, from an offset, reach two sockets`, async t => {
      const bytes = randomBytes(length + 10)
      const name = join(temporaryFolder(t), 'file.bin')
      writeFileSync(name, bytes)
      const { peers, sinks } = await sinkSockets(t, 2)
      const result = await transfer(file(name, { start: 7 }), sinks.map(socket), { prefer })
      assert.equal(result.path, pathTaken(prefer))
      for (const sink of sinks) sink.end()
      for (const peer of peers) assert.equal(sha256(await peer.take()), sha256(bytes.subarray(7)))
    })

    test(`${prefer}: ${length} bytes of memory reach two sockets, and a lease ends`, async t => {
      const pool = new Pool({ slots: 1, slotBytes: 4 * MiB })
      t.after(() => pool.close())
      const lease = await pool.take()
      const bytes = randomBytes(length)
      lease.bytes.set(bytes)
      lease.length = length
      const { peers, sinks } = await sinkSockets(t, 2)
      const result = await transfer(memory(lease), sinks.map(socket), { prefer })
      assert.equal(result.bytes, length)
      assert.equal(pool.free, 1)
      for (const sink of sinks) sink.end()
      for (const peer of peers) assert.equal(sha256(await peer.take()), sha256(bytes))
    })
  }

  test(`${prefer}: with wait, the slowest sink stops the source, and nothing is lost`, async t => {
    const { source, from } = await sourceSocket(t)
    const fast = await socketPair(t)
    const slow = await socketPair(t, { reading: false })
    from.socket.end(plenty)
    const sent = transfer(source, [socket(fast.socket), socket(slow.socket)], { prefer, slowSinks: 'wait' })
    await stalls(() => fast.peer.bytes)
    assert.ok(fast.peer.bytes < much, 'back-pressure reaches the sender')
    assert.equal(sha256(await slow.peer.take(much)), plentySha256)
    assert.equal(sha256(await fast.peer.take(much)), plentySha256)
    assert.equal((await sent).sinks[1]!.bytes, much)
  })

  test(`${prefer}: with drop, a sink that does not read is left behind, and the first gets all`, async t => {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const stuck = await socketPair(t, { reading: false })
    from.socket.end(plenty)
    const sent = transfer(source, [socket(first.socket), socket(stuck.socket)], { prefer, slowSinks: 'drop' })
    const { bytes: count, sinks } = await sent
    assert.equal(count, much)
    assert.equal(sha256(await first.peer.take(much)), plentySha256)
    assert.equal(sinks[0]!.dropped, false)
    assert.equal(sinks[1]!.dropped, true)
    assert.match(sinks[1]!.why!, /too slow/)
    stuck.socket.end()
    const got = await stuck.peer.take()
    assert.ok(got.length < much && got.length >= sinks[1]!.bytes)
    assert.equal(sha256(got), sha256(plenty.subarray(0, got.length)), 'what it got is the beginning')
  })

  test(`${prefer}: with drop, the first sink still sets the pace`, async t => {
    const { source, from } = await sourceSocket(t)
    const slow = await socketPair(t, { reading: false })
    const other = await socketPair(t)
    from.socket.end(plenty)
    const sent = transfer(source, [socket(slow.socket), socket(other.socket)], { prefer, slowSinks: 'drop' })
    await stalls(() => other.peer.bytes)
    const stalledAt = other.peer.bytes
    assert.ok(stalledAt < much)
    await slow.peer.take(much)
    // Now that the first takes all there is, it is the other that may fall behind.
    const [first, second] = (await sent).sinks
    assert.deepEqual([first!.bytes, first!.dropped], [much, false])
    assert.ok(second!.bytes >= stalledAt)
  })

  test(`${prefer}: with drop, a sink that is reset, and one that cannot be opened, are left behind`, async t => {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const second = await socketPair(t)
    second.socket.on('error', () => {})
    const sinks = [socket(first.socket), socket(second.socket), file('/nowhere/at/all')]
    const sent = transfer(source, sinks, { prefer, slowSinks: 'drop' })
    const head = randomBytes(100_000)
    from.socket.write(head)
    await second.peer.take(head.length)
    second.peer.socket.resetAndDestroy()
    from.socket.end(plenty)
    const result = await sent
    assert.equal(sha256(await first.peer.take(head.length + much)), sha256(Buffer.concat([head, plenty])))
    assert.deepEqual(
      result.sinks.map(sink => sink.dropped),
      [false, true, true],
    )
    assert.match(result.sinks[2]!.why!, /nowhere/)
  })

  test(`${prefer}: with drop, the first sink's failing is the transfer's`, async t => {
    const { source, from } = await sourceSocket(t)
    const { peers, sinks } = await sinkSockets(t, 2)
    const sent = transfer(source, sinks.map(socket), { prefer, slowSinks: 'drop' })
    from.socket.write('some')
    await peers[1]!.take(4)
    sinks[0]!.destroy()
    from.socket.write('more')
    await assert.rejects(sent, { code: 'ERR_SLUICE_SOCKET_CLOSED', bytes: 4 })
  })

  test(`${prefer}: with wait, any sink's failing is the transfer's`, async t => {
    const { source, from } = await sourceSocket(t)
    const { peers, sinks } = await sinkSockets(t, 2)
    const sent = transfer(source, sinks.map(socket), { prefer })
    from.socket.write('some')
    await peers[0]!.take(4)
    sinks[1]!.destroy()
    from.socket.write('more')
    await assert.rejects(sent, { code: 'ERR_SLUICE_SOCKET_CLOSED' })
  })

  test(`${prefer}: an abort ends it while it waits, and all sockets stay usable`, async t => {
    const { source, from } = await sourceSocket(t)
    const { peers, sinks } = await sinkSockets(t, 2)
    const controller = new AbortController()
    const sent = transfer(source, sinks.map(socket), { prefer, signal: controller.signal })
    from.socket.write('first')
    for (const peer of peers) await peer.take(5)
    controller.abort()
    await assert.rejects(sent, { code: 'ERR_SLUICE_ABORTED', bytes: 5 })
    from.socket.end('second')
    await transfer(source, sinks.map(socket), { prefer })
    for (const sink of sinks) sink.end()
    for (const peer of peers) assert.equal((await peer.take()).toString(), 'firstsecond')
  })

  test(`${prefer}: a deadline ends it while it waits for a sink`, async t => {
    const { source, from } = await sourceSocket(t)
    const { sinks } = await sinkSockets(t, 2, { reading: false })
    from.socket.end(plenty)
    const sent = transfer(source, sinks.map(socket), { prefer, deadlineMs: 100 })
    await assert.rejects(sent, { code: 'ERR_SLUICE_DEADLINE' })
  })

  test(`${prefer}: what onProgress throws ends it`, async t => {
    const { source, from } = await sourceSocket(t)
    const { sinks } = await sinkSockets(t, 2)
    from.socket.write('bytes')
    const onProgress = (): never => {
      throw new RangeError('enough')
    }
    await assert.rejects(transfer(source, sinks.map(socket), { prefer, onProgress }), /enough/)
  })

  test(`${prefer}: a source that is reset has failed, and what came before it is delivered`, async t => {
    const { source, from } = await sourceSocket(t)
    source.on('error', () => {})
    const { peers, sinks } = await sinkSockets(t, 2)
    const sent = transfer(source, sinks.map(socket), { prefer })
    from.socket.write('some')
    for (const peer of peers) await peer.take(4)
    from.socket.resetAndDestroy()
    await assert.rejects(sent, { code: 'ERR_SLUICE_PEER_CLOSED', bytes: 4 })
  })

  test(`${prefer}: streams are copied to, beside a socket`, async t => {
    const { source, from } = await sourceSocket(t)
    const plain = await socketPair(t)
    const chunks: Buffer[] = []
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, callback) {
        chunks.push(chunk)
        setImmediate(callback)
      },
    })
    const bytes = randomBytes(1 * MiB + 3)
    from.socket.end(bytes)
    const { sinks } = await transfer(source, [socket(plain.socket), slow], { prefer })
    assert.equal(sinks[1]!.path, 'copy')
    assert.equal(sinks[0]!.path, pathTaken(prefer))
    slow.end()
    await eventually(
      () => slow.writableFinished,
      () => 'the stream did not finish',
    )
    assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes))
    assert.equal(sha256(await plain.peer.take(bytes.length)), sha256(bytes))
  })

  test(`${prefer}: random interleavings of slow sinks and odd segments lose nothing`, async t => {
    const seed = seedFromEnvironment()
    t.diagnostic(`SLUICE_SEED=${seed}`)
    const random = new Random(seed)
    for (let round = 0; round < 4; round++) {
      const { source, from } = await sourceSocket(t)
      from.socket.setNoDelay(true)
      const { peers, sinks } = await sinkSockets(t, 1 + random.below(4), { reading: false })
      const name = join(temporaryFolder(t), 'copy.bin')
      const sent = transfer(source, [...sinks.map(sink => socket(sink)), file(name)], { prefer })
      const written: Buffer[] = []
      const toggles = peers.map(peer => setInterval(() => toggle(peer, random), 1 + random.below(4)))
      for (let count = 0; count < 300; count++) {
        const chunk = randomBytes(1 + random.below(random.pick([3, 1500, 5000, 70_000])!))
        written.push(chunk)
        from.socket.write(chunk)
        if (random.below(8) === 0) await new Promise(resolve => setImmediate(resolve))
      }
      from.socket.end()
      const bytes = Buffer.concat(written)
      await Promise.all(peers.map(peer => received(peer, bytes.length)))
      toggles.forEach(clearInterval)
      assert.equal((await sent).bytes, bytes.length)
      for (const peer of peers) assert.equal(sha256(peer.received), sha256(bytes))
      assert.equal(sha256(readFileSync(name)), sha256(bytes))
    }
  })
}

test('a descriptor is source and sink, and may be closed at once', needsAddon, async t => {
  const near = pipeEnds(t)
  const far = pipeEnds(t)
  const other = await socketPair(t)
  const bytes = randomBytes(30_000)
  writeFileSync(near.writeFd, bytes)
  const sent = transfer(pipe(near.readFd), [pipe(far.writeFd), socket(other.socket)])
  near.close()
  far.closeWriting()
  const { sinks } = await sent
  assert.deepEqual(
    sinks.map(sink => sink.path),
    ['tee', 'tee'],
  )
  assert.equal(sha256(readFileSync(far.readFd)), sha256(bytes))
  assert.equal(sha256(await other.peer.take(bytes.length)), sha256(bytes))
})

test('where a sink cannot be opened nothing is lost, and no other file is emptied', async t => {
  const { source, from } = await sourceSocket(t)
  from.socket.write('early ')
  source.once('readable', () => {})
  await eventually(
    () => source.readableLength === 6,
    () => 'Node read nothing',
  )
  const name = join(temporaryFolder(t), 'kept.txt')
  writeFileSync(name, 'content')
  const { sinks, peers } = await sinkSockets(t, 1)
  const list = [socket(sinks[0]!), file(name), file('/nowhere/at/all')]
  await assert.rejects(transfer(source, list), { code: 'ERR_SLUICE_FILE', bytes: 0 })
  assert.equal(readFileSync(name, 'utf8'), 'content')
  from.socket.end('late')
  const { copied } = await transfer(source, list.slice(0, 1))
  assert.ok(copied >= 6)
  assert.equal((await peers[0]!.take(10)).toString(), 'early late')
})

test('a readable stream is copied from', async t => {
  const { peers, sinks } = await sinkSockets(t, 2)
  const { path } = await transfer(Readable.from(['one ', 'two']), sinks.map(socket))
  assert.equal(path, 'copy')
  for (const peer of peers) assert.equal((await peer.take(7)).toString(), 'one two')
})

test('with drop, a sink that is not connected yet gets all, too', needsAddon, async t => {
  const { source, from } = await sourceSocket(t)
  const first = await socketPair(t)
  const late = await socketPair(t, { reading: false })
  // Its queue is full of what was written before, so it cannot be used yet.
  late.socket.write(plenty)
  const sent = transfer(source, [socket(first.socket), socket(late.socket)], { slowSinks: 'drop' })
  const bytes = randomBytes(200_000)
  from.socket.end(bytes)
  assert.equal(sha256(await first.peer.take(bytes.length)), sha256(bytes))
  const all = await late.peer.take(much + bytes.length)
  assert.equal(sha256(all.subarray(much)), sha256(bytes))
  assert.equal((await sent).sinks[1]!.dropped, false)
})

test('a sink that stalls at the end is dropped after a while', async t => {
  for (const prefer of paths) {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const stuck = await socketPair(t, { reading: false })
    stuck.socket.write(plenty)
    from.socket.end('a few bytes')
    const sent = await transfer(source, [socket(first.socket), socket(stuck.socket)], {
      prefer,
      slowSinks: 'drop',
    })
    assert.equal(sent.sinks[1]!.dropped, true)
    assert.match(sent.sinks[1]!.why!, /after the first sink had everything/)
  }
})

test('a file that is source and sink is refused before it is emptied', async t => {
  const { sinks } = await sinkSockets(t, 1)
  const name = join(temporaryFolder(t), 'file.bin')
  writeFileSync(name, 'content')
  await assert.rejects(transfer(file(name), [socket(sinks[0]!), file(name)]), { code: 'ERR_SLUICE_OPTION' })
  assert.equal(readFileSync(name, 'utf8'), 'content')
})

test('lists that make no sense are refused', async t => {
  const { sinks } = await sinkSockets(t, 1)
  const { source } = await sourceSocket(t)
  const sink = socket(sinks[0]!)
  for (const [list, options] of [
    [[], {}],
    [[sink, sink], {}],
    [Array.from({ length: 65 }, () => new PassThrough()), {}],
    [[sink, file('/nowhere', { end: 1 })], {}],
    [[sink], { slowSinks: 'maybe' as 'wait' }],
  ] as const) {
    await assert.rejects(transfer(source, list, options), { code: 'ERR_SLUICE_OPTION' })
  }
})

test('a stream is the source of one transfer at a time', async t => {
  const { source, from } = await sourceSocket(t)
  const { sinks } = await sinkSockets(t, 2)
  const first = transfer(source, sinks.map(socket))
  await assert.rejects(transfer(source, sinks.map(socket)), { code: 'ERR_SLUICE_IN_FLIGHT' })
  from.socket.end()
  await first
})

test('the plan says why several sinks are copied to', async t => {
  const { source } = await sourceSocket(t)
  const { sinks } = await sinkSockets(t, 1)
  assert.equal(plan(source, [socket(sinks[0]!), new PassThrough()]).path, pathTaken('tee'))
  assert.equal(plan(source, [new PassThrough()]).path, 'copy')
  assert.equal(plan(Readable.from([]), [socket(sinks[0]!)]).path, 'copy')
  assert.match(plan(source, sinks.map(socket), { prefer: 'copy' }).why, /asked for/)
})

test('with no descriptor left for a pipe, it is copied', needsAddon, async () => {
  const program = fileURLToPath(new URL('./children/several-without-pipes.js', import.meta.url))
  const child = run('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', process.execPath, program])
  const { code, stdout, stderr } = await child.finished()
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'as it should be\n')
})

test('60 transfers, some cut short, leave no more pipes and files open than a few', async t => {
  const name = join(temporaryFolder(t), 'copy.bin')
  const open = (): number =>
    openDescriptors().filter(target => target.startsWith('pipe:') || target === name).length
  const one = async (cut: boolean): Promise<void> => {
    const { source, from } = await sourceSocket(t)
    const { sinks } = await sinkSockets(t, 2, { reading: !cut })
    from.socket.end(cut ? randomBytes(8 * MiB) : 'x')
    const sent = transfer(source, [...sinks.map(sink => socket(sink)), file(name)])
    if (cut) sinks[1]!.destroy()
    await sent.catch(() => {})
    for (const end of [source, from.socket, ...sinks]) end.destroy()
  }
  for (let count = 0; count < 5; count++) await one(count % 4 === 0)
  const before = open()
  for (let count = 0; count < 60; count++) await one(count % 4 === 0)
  await eventually(
    () => open() <= before,
    () => `${open()} are open, ${before} were`,
  )
})

async function sourceSocket(t: Ending): Promise<{ source: Socket; from: Peer }> {
  const { socket: source, peer: from } = await socketPair(t)
  source.allowHalfOpen = true
  return { source, from }
}

async function sinkSockets(
  t: Ending,
  count: number,
  { reading = true } = {},
): Promise<{ sinks: Socket[]; peers: Peer[] }> {
  const pairs = []
  for (let index = 0; index < count; index++) pairs.push(await socketPair(t, { reading }))
  return { sinks: pairs.map(pair => pair.socket), peers: pairs.map(pair => pair.peer) }
}

function pipeEnds(t: Ending): { readFd: number; writeFd: number; close(): void; closeWriting(): void } {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, 0), 0)
  const open = new Set(ends)
  const close = (fd: number): void => {
    if (open.delete(fd)) closeSync(fd)
  }
  t.after(() => open.forEach(close))
  const [readFd, writeFd] = ends as unknown as [number, number]
  return {
    readFd,
    writeFd,
    close: () => {
      close(readFd)
      close(writeFd)
    },
    closeWriting: () => close(writeFd),
  }
}

function toggle({ socket }: Peer, random: Random): void {
  if (random.below(3) === 0) socket.pause()
  else socket.resume()
}

/** Waits without making the peer read. */
async function received(peer: Peer, count: number): Promise<void> {
  await eventually(
    () => peer.bytes >= count,
    () => `${peer.bytes} of ${count} bytes came`,
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
