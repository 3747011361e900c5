/** One source to several sinks: every byte, in order, to each. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { openDescriptors } from '../support/descriptors.js'
import { eventually } from '../support/eventually.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { severalPaths, sinkSockets, sourceSocket } from '../support/several-ends.js'
import { type Ending, type Peer, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

for (const prefer of severalPaths) {
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

test('a readable stream is copied from', async t => {
  const { peers, sinks } = await sinkSockets(t, 2)
  const { path } = await transfer(Readable.from(['one ', 'two']), sinks.map(socket))
  assert.equal(path, 'copy')
  for (const peer of peers) assert.equal((await peer.take(7)).toString(), 'one two')
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
