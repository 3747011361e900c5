/**
 * The most dangerous fault: a socket is destroyed while a transfer uses its descriptor, and new connections, which
 * get its number at once, must never see a byte of that transfer.
 */
import assert from 'node:assert/strict'
import type { Server, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { file, type SinkTarget, socket } from '#sluice/transfer/ends/endpoints.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { evict, randomFile } from '../support/contents.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { connectTo, listener, Peer } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const rounds = 60
const newcomers = 3

for (const prefer of sendPathNames) {
  test(`${prefer}: no byte of a destroyed socket's transfer reaches the connections after it`, async t => {
    await hammer(t, prefer, socket => socket)
  })
}

// Without the addon a descriptor cannot be duplicated: whoever passes one must then keep it open.
for (const prefer of sendPathNames) {
  test(
    `${prefer}: no byte meant for a closed descriptor reaches the connections after it`,
    needsAddon,
    async t => {
      await hammer(t, prefer, descriptorOf)
    },
  )
}

async function hammer(
  t: TestContext,
  prefer: (typeof sendPathNames)[number],
  sinkOf: (socket: Socket) => SinkTarget,
): Promise<void> {
  const folder = temporaryFolder(t)
  const doomed = randomFile(folder, 'doomed.bin', 8 * MiB)
  const small = randomFile(folder, 'small.bin', 64 * KiB)
  const server = await listener(t)
  const seed = seedFromEnvironment()
  const random = new Random(seed)
  let reuses = 0
  for (let round = 0; round < rounds; round++) {
    // Cold pages keep a thread busy while the socket goes.
    if (round % 10 === 0) evict(doomed.path)
    const { socket: sink, peer } = await connectTo(t, server, { reading: random.below(2) === 0 })
    const fd = descriptorOf(sink)
    sink.on('error', () => {})
    const sent = transfer(file(doomed.path), socket(sinkOf(sink)), { prefer }).catch(() => {})
    await turns(random.below(12))
    const peers = Array.from({ length: newcomers }, () => new Peer(t, server))
    // Now they have descriptors of their own, and the ends that are accepted get what becomes free.
    await new Promise<void>(resolve => process.nextTick(resolve))
    const accepted = connections(server, newcomers)
    if (random.below(2) === 0) sink.destroy()
    else sink.resetAndDestroy()
    for (const newcomer of await accepted) {
      if (descriptorOf(newcomer) === fd) reuses++
      const its = peers.find(({ socket: { localPort } }) => localPort === newcomer.remotePort)!
      await expectOwnBytes(newcomer, its, small, prefer)
    }
    peer.socket.destroy()
    await sent
  }
  t.diagnostic(`${reuses} of ${rounds} descriptors were used again at once; SLUICE_SEED=${seed}`)
  assert.ok(reuses > 0)
}

function connections(server: Server, count: number): Promise<Socket[]> {
  return new Promise(resolve => {
    const sockets: Socket[] = []
    const onConnection = (socket: Socket): void => {
      if (sockets.push(socket) < count) return
      server.off('connection', onConnection)
      resolve(sockets)
    }
    server.on('connection', onConnection)
  })
}

async function expectOwnBytes(
  sink: Socket,
  peer: Peer,
  { path, bytes }: { path: string; bytes: Buffer },
  prefer: (typeof sendPathNames)[number],
): Promise<void> {
  await transfer(file(path), socket(sink), { prefer })
  sink.end('end')
  assert.ok((await peer.take()).equals(Buffer.concat([bytes, Buffer.from('end')])), 'exactly its own bytes')
  sink.destroy()
}

/** Lets the loop go round some times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}
