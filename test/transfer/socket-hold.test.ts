/** Holding a socket: what was written is out before, what is written meanwhile waits, and the descriptor is known to be its own. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { holdSocket, type SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { pause } from '../support/eventually.js'
import { socketPair } from '../support/sockets.js'

test('a socket that has nothing to send is held at once', async t => {
  const { socket } = await socketPair(t)
  const hold = holdSocket(socket)
  assert.ok(!(hold instanceof Promise))
  assert.ok(hold.open && !hold.ended)
  assert.equal(hold.fd, descriptorOf(socket))
  hold.release()
})

test('what is written while it is held comes after it is let go', async t => {
  const { socket, peer } = await socketPair(t)
  const hold = holdSocket(socket) as SocketHold
  socket.write('later')
  await pause(20)
  assert.equal(peer.bytes, 0)
  hold.release()
  assert.equal((await peer.take(5)).toString(), 'later')
})

test('a socket that still has to send is held when it has sent all, whatever is added meanwhile', async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  socket.write(Buffer.alloc(8 * MiB), () => socket.write(Buffer.alloc(8 * MiB)))
  const waiting = holdSocket(socket)
  assert.ok(waiting instanceof Promise)
  peer.socket.resume()
  const hold = await waiting
  assert.equal(socket.writableLength, 0)
  assert.equal(socket.bytesWritten, 16 * MiB)
  hold.release()
})

test('it stops being open the moment that the socket is destroyed, and tells', async t => {
  const { socket } = await socketPair(t)
  const hold = holdSocket(socket) as SocketHold
  let closed = 0
  hold.onClose(() => closed++)
  socket.destroy()
  assert.ok(!hold.open)
  await once(socket, 'close')
  assert.equal(closed, 1)
  assert.equal(hold.whyClosed().code, 'ERR_SLUICE_SOCKET_CLOSED')
  hold.release()
})

test('a socket that was let go tells nothing more, and has no listener of ours', async t => {
  const { socket } = await socketPair(t)
  const before = socket.listenerCount('close')
  for (let count = 0; count < 20; count++) {
    const hold = holdSocket(socket) as SocketHold
    hold.onClose(() => assert.fail('it was let go'))
    hold.release()
  }
  assert.equal(socket.listenerCount('close'), before)
  assert.equal(socket.writableCorked, 0)
  socket.destroy()
  await once(socket, 'close')
})

test('the end of the socket, or of what is written to on it, is noticed', async t => {
  const { socket } = await socketPair(t)
  const writer = new PassThrough()
  const hold = holdSocket(socket, writer) as SocketHold
  writer.end()
  assert.ok(hold.ended)
  hold.release()
  const again = holdSocket(socket) as SocketHold
  assert.ok(!again.ended)
  socket.end()
  assert.ok(again.ended)
  again.release()
})

test('a socket that is closed, was ended or never connected is refused without an error of its own', async t => {
  const { socket: ended } = await socketPair(t, { reading: false })
  ended.end(Buffer.alloc(16 * MiB))
  const { socket: destroyed } = await socketPair(t)
  destroyed.destroy()
  const unconnected = new Socket()
  for (const socket of [ended, destroyed, unconnected]) {
    socket.on('error', error => assert.fail(error))
    await assert.rejects(async () => holdSocket(socket), { code: 'ERR_SLUICE_SOCKET_CLOSED' })
  }
  await pause(5)
})

test('sending keeps an idle timeout from firing', async t => {
  const { socket } = await socketPair(t)
  let fired = false
  socket.setTimeout(60, () => {
    fired = true
  })
  const hold = holdSocket(socket) as SocketHold
  for (let count = 0; count < 10; count++) {
    await new Promise(resolve => setImmediate(resolve))
    hold.touch()
  }
  assert.ok(!fired)
  hold.release()
  await once(socket, 'timeout')
})
