import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, readSync, writeSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { nameForPeer } from '#sluice/measure/laboratory.js'
import { PeerProcess } from '#sluice/measure/peer-process.js'
import { native } from '#sluice/native/load.js'
import { needsAddon } from '../support/addon.js'
import { temporaryFolder } from '../support/temporary.js'

function startPeer(t: TestContext): PeerProcess {
  const peer = new PeerProcess()
  t.after(() => peer.close())
  return peer
}

function openPipe(): { output: number; input: number } {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  return { output: ends[0]!, input: ends[1]! }
}

test('a reader says when the bytes have come, on TCP and on a name', async t => {
  const peer = startPeer(t)
  for (const name of [null, join(temporaryFolder(t), 'socket')]) {
    const { reader, port } = await peer.ask({ ask: 'read-socket', name })
    const socket = name === null ? connect(port, '127.0.0.1') : connect(name)
    t.after(() => socket.destroy())
    socket.write(Buffer.alloc(100_000))
    await peer.ask({ ask: 'await-bytes', reader, bytes: 100_000 })
    await peer.ask({ ask: 'await-bytes', reader, bytes: 5 })
    const more = peer.ask({ ask: 'await-bytes', reader, bytes: 100_001 })
    let came = false
    more.then(() => {
      came = true
    })
    assert.equal(came, false)
    socket.write('1')
    await more
  }
})

test('a reader of a pipe says when the bytes have come', needsAddon, async t => {
  const peer = startPeer(t)
  const { output, input } = openPipe()
  const { reader } = await peer.ask({ ask: 'read-pipe', path: nameForPeer(output) })
  closeSync(output)
  assert.equal(writeSync(input, Buffer.alloc(1000)), 1000)
  await peer.ask({ ask: 'await-bytes', reader, bytes: 1000 })
  closeSync(input)
})

test('connections bring as many bytes as asked for, and then the end', async t => {
  const peer = startPeer(t)
  const server = createServer({ pauseOnConnect: true })
  const sockets: Socket[] = []
  server.on('connection', socket => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  for (const bytes of [1, 256, 3 * 1024 * KiB + 17]) {
    await peer.ask({ ask: 'write-sockets', port, count: 3, bytes })
    while (sockets.length < 3) await once(server, 'connection')
    for (const socket of sockets.splice(0)) assert.equal((await buffer(socket.resume())).length, bytes)
  }
})

test('pipes bring as many bytes as asked for, and then the end', needsAddon, async t => {
  const peer = startPeer(t)
  for (const bytes of [1, 64 * KiB, 200_000]) {
    const pipes = [openPipe(), openPipe(), openPipe()]
    await peer.ask({ ask: 'write-pipes', paths: pipes.map(({ input }) => nameForPeer(input)), bytes })
    for (const { input } of pipes) closeSync(input)
    for (const { output } of pipes) {
      const chunk = Buffer.alloc(256 * KiB)
      let total = 0
      for (let count = -1; count !== 0; total += count) count = readSync(output, chunk)
      closeSync(output)
      assert.equal(total, bytes)
    }
  }
})

test('what it cannot do is an error, and it goes on', async t => {
  const peer = startPeer(t)
  await assert.rejects(peer.ask({ ask: 'read-pipe', path: '/nowhere/at/all' }), {
    name: 'SluiceError',
    message: /to read-pipe: ENOENT/,
  })
  assert.equal((await peer.ask({ ask: 'read-socket', name: null })).reader, 0)
})

test('when it is gone, every request is an error', async t => {
  const peer = startPeer(t)
  const asked = peer.ask({ ask: 'read-socket', name: null }).then(
    () => 'answered',
    (error: Error) => error.message,
  )
  await peer.close()
  assert.match(await asked, /answered|it ended/)
  await assert.rejects(peer.ask({ ask: 'read-socket', name: null }), { code: 'ERR_SLUICE_PEER_CLOSED' })
})
