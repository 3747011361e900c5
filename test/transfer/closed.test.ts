import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { closedError } from '#sluice/transfer/ends/closed.js'
import { socketPair } from '../support/sockets.js'

test('a peer that reset the connection', async t => {
  const { socket, peer } = await socketPair(t)
  socket.resume().on('error', () => {})
  peer.socket.resetAndDestroy()
  await new Promise(resolve => socket.on('close', resolve))
  const error = closedError(socket)
  assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
  assert.match(error.message, /ECONNRESET/)
  assert.equal(error.cause, socket.errored)
})

test('a peer that ended it in order', async t => {
  const { socket, peer } = await socketPair(t)
  socket.resume()
  peer.socket.end()
  await once(socket, 'end')
  assert.equal(closedError(socket).code, 'ERR_SLUICE_PEER_CLOSED')
})

test('this side, for a reason or for none', async t => {
  const { socket } = await socketPair(t)
  socket.destroy()
  assert.equal(closedError(socket).code, 'ERR_SLUICE_SOCKET_CLOSED')
  const stream = new PassThrough()
  const reason = new Error('the reason')
  stream.on('error', () => {}).destroy(reason)
  assert.equal(closedError(stream).code, 'ERR_SLUICE_SOCKET_CLOSED')
  assert.equal(closedError(stream).cause, reason)
})

test('a write that the destruction of the socket cancelled says nothing of the cause, the socket does', async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  socket.resume().on('error', () => {})
  const cancelled = new Promise<Error>(resolve =>
    socket.write(Buffer.alloc(16 * MiB), error => resolve(error!)),
  )
  peer.socket.resetAndDestroy()
  assert.equal(closedError(socket, await cancelled).code, 'ERR_SLUICE_PEER_CLOSED')
  const { socket: here } = await socketPair(t, { reading: false })
  const alsoCancelled = new Promise<Error>(resolve =>
    here.write(Buffer.alloc(16 * MiB), error => resolve(error!)),
  )
  here.destroy()
  assert.equal(closedError(here, await alsoCancelled).code, 'ERR_SLUICE_SOCKET_CLOSED')
})
