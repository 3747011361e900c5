/**
 * A source whose peer resets the connection right after its last bytes: a stream that was cut off must not pass for a
 * whole one, neither where a path reads it nor where Node does, which takes that for the end.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { SluiceError } from '#sluice/base/errors.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SinkLike } from '#sluice/transfer/ends/ends.js'
import { receive } from '#sluice/transfer/jobs/receive.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { eventually } from '../support/eventually.js'
import { type Ending, Peer, type SocketKind, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

/** Fewer than Node reads at once, so that it comes to what it takes for the end. */
const sent = Buffer.alloc(10_000, 'cut off ')

/** Takes all that comes → how many bytes; rejects with `bytes` where it fails. */
type Way = (t: Ending, source: Socket) => Promise<number>

const ways: Record<string, Way> = {
  'spliced to a socket': (t, source) => toSocket(t, source, 'splice'),
  'copied to a socket': (t, source) => toSocket(t, source, 'copy'),
  'copied to a stream': async (_t, source) =>
    (await transfer(source, new PassThrough({ highWaterMark: 100_000 }))).bytes,
  'spliced to a file': (t, source) => toFile(t, source, 'splice'),
  'spliced to a pipe': toPipe,
  'copied to a file': (t, source) => toFile(t, source, 'copy'),
  'duplicated for several sinks': (t, source) => toSeveral(t, source, 'tee'),
  'copied to several sinks': (t, source) => toSeveral(t, source, 'copy'),
  'spliced as a part of a list': (t, source) => inList(t, source, 'splice'),
  'copied as a part of a list': (t, source) => inList(t, source, 'copy'),
  'received into leases': intoLeases,
}

for (const kind of ['TCP', 'Unix'] as const) {
  for (const readBefore of [false, true]) {
    for (const [how, take] of Object.entries(ways)) {
      const when = readBefore ? 'after Node has read it all' : 'before anybody has read it'
      test(`${kind}: cut off ${when}: ${how}`, needsAddon, async t => {
        const source = await cutOff(t, kind)
        if (readBefore) await readByNode(source)
        await assert.rejects(take(t, source), ({ code, bytes }: SluiceError) => {
          assert.equal(code, 'ERR_SLUICE_PEER_CLOSED')
          // From Node 24 on Node may find the reset itself by now, and then it has thrown away what it had read.
          assert.ok(bytes === sent.length || (readBefore && bytes === 0), `${bytes} bytes`)
          return true
        })
      })
    }
  }
}

for (const how of ['spliced to a socket', 'spliced to a file', 'spliced to a pipe']) {
  test(
    `a socket that stays open when the other side ends, cut off after Node has read it all: ${how}`,
    needsAddon,
    async t => {
      const source = await cutOff(t, 'TCP')
      source.allowHalfOpen = true
      await readByNode(source)
      await endSeen(source)
      await assert.rejects(ways[how]!(t, source), { code: 'ERR_SLUICE_PEER_CLOSED' })
    },
  )
}

for (const [how, take] of Object.entries(ways)) {
  test(`a peer that has ended and resets only then has sent all: ${how}`, needsAddon, async t => {
    const { source, peer } = await connection(t, 'TCP')
    peer.socket.end(sent)
    await once(peer.socket, 'finish')
    peer.socket.resetAndDestroy()
    await hungUp(source)
    assert.equal(await take(t, source), sent.length)
  })
}

test('who closes the socket when it ends does not make it look whole', needsAddon, async t => {
  const source = await cutOff(t, 'TCP')
  source.on('end', () => source.destroy())
  await assert.rejects(transfer(source, new PassThrough({ highWaterMark: 100_000 })), {
    code: 'ERR_SLUICE_PEER_CLOSED',
  })
})

test('a transfer that is tried once more fails as the first one did', needsAddon, async t => {
  const source = await cutOff(t, 'TCP')
  source.allowHalfOpen = true
  const sink = new PassThrough({ highWaterMark: 100_000 })
  await assert.rejects(transfer(source, sink), { code: 'ERR_SLUICE_PEER_CLOSED', bytes: sent.length })
  await assert.rejects(transfer(source, sink), { code: 'ERR_SLUICE_PEER_CLOSED', bytes: 0 })
})

/** A socket that holds all that was sent to it, and the news of the reset; nobody has read of it. */
async function cutOff(t: Ending, kind: SocketKind): Promise<Socket> {
  const { source, peer } = await connection(t, kind)
  // Who closes a Unix socket without having read everything resets it; a little Node reads all the same.
  if (kind === 'Unix') source.write(Buffer.alloc(150_000))
  peer.socket.write(sent)
  await eventually(
    () => peer.socket.writableLength === 0,
    () => 'nothing was sent',
  )
  if (kind === 'Unix') peer.socket.destroy()
  else peer.socket.resetAndDestroy()
  await hungUp(source)
  return source
}

async function connection(t: Ending, kind: SocketKind): Promise<{ source: Socket; peer: Peer }> {
  const server = createServer({ pauseOnConnect: true })
  if (kind === 'TCP') server.listen(0, '127.0.0.1')
  else server.listen(join(temporaryFolder(t), 'socket'))
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const peer = new Peer(t, server, { reading: false })
  const [source] = (await accepted) as [Socket]
  t.after(() => {
    source.destroy()
    server.close()
  })
  source.on('error', () => {})
  return { source, peer }
}

async function hungUp(source: Socket): Promise<void> {
  const { fd } = (source as unknown as { _handle: { fd: number } })._handle
  await eventually(
    () => (native!.pollNow(fd, 0) & native!.EPOLLHUP) !== 0,
    () => 'the connection is not over',
  )
}

/** All of it is with Node, and so is the end that is none. */
async function readByNode(source: Socket): Promise<void> {
  const readable = once(source, 'readable')
  source.read(0)
  await readable
  assert.equal(source.readableLength, sent.length)
}

/** Node takes it for the end, or has found the reset itself. */
async function endSeen(source: Socket): Promise<void> {
  const { _readableState: state } = source as unknown as { _readableState: { ended: boolean } }
  await eventually(
    () => state.ended || source.destroyed,
    () => 'Node has seen no end',
  )
}

async function toSocket(t: Ending, source: Socket, prefer: PathName): Promise<number> {
  const { socket: sink } = await socketPair(t)
  return await by(prefer, source, socket(sink))
}

async function toFile(t: Ending, source: Socket, prefer: PathName): Promise<number> {
  return await by(prefer, source, file(join(temporaryFolder(t), 'sink.bin')))
}

async function toPipe(t: Ending, source: Socket): Promise<number> {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  t.after(() => ends.forEach(end => void native!.close(end)))
  return await by('splice', source, socket(ends[1]!))
}

async function toSeveral(t: Ending, source: Socket, prefer: PathName): Promise<number> {
  const [one, other] = [await socketPair(t), await socketPair(t)]
  const { bytes, path } = await transfer(source, [socket(one.socket), socket(other.socket)], { prefer })
  assert.equal(path, prefer)
  return bytes
}

async function inList(t: Ending, source: Socket, prefer: PathName): Promise<number> {
  const { socket: sink } = await socketPair(t)
  const { bytes } = await transfer([source, Buffer.from('trailer')], socket(sink), { prefer })
  return bytes - 'trailer'.length
}

async function by(prefer: PathName, source: Socket, sink: SinkLike): Promise<number> {
  const { bytes, path } = await transfer(source, sink, { prefer })
  assert.equal(path, prefer)
  return bytes
}

async function intoLeases(t: Ending, source: Socket): Promise<number> {
  const pool = new Pool({ slots: 2, slotBytes: 4096 })
  t.after(() => pool.close())
  let bytes = 0
  try {
    for await (const lease of receive(source, pool)) {
      bytes += lease.length
      lease.release()
    }
  } catch (error) {
    throw Object.assign(error as Error, { bytes })
  }
  return bytes
}
