import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { DescriptorStream } from '#sluice/transfer/ends/descriptor-stream.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { eventually, pause } from '../support/eventually.js'
import { socketPair } from '../support/sockets.js'

test('it waits for a socket that is full, and counts what went out', async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  const stream = new DescriptorStream(descriptorOf(socket))
  const bytes = Buffer.alloc(16 * MiB, 'x')
  const written = new Promise<void>(resolve => stream.write(bytes, () => resolve()))
  await eventually(
    () => stream.bytesWritten > 0,
    () => 'nothing was written',
  )
  assert.ok(stream.bytesWritten < bytes.length)
  assert.equal((await peer.take(bytes.length)).length, bytes.length)
  await written
  assert.equal(stream.bytesWritten, bytes.length)
})

test('once it is closed it writes nothing more, though the socket takes it', async t => {
  const { socket, peer } = await socketPair(t, { reading: false })
  const stream = new DescriptorStream(descriptorOf(socket))
  stream.write(Buffer.alloc(16 * MiB))
  await pause(20)
  await new Promise<void>(resolve => stream.close(resolve))
  const { bytesWritten } = stream
  await new Promise<void>(resolve => stream.close(resolve))
  socket.end()
  assert.equal((await peer.take()).length, bytesWritten)
  assert.ok(socket.writableFinished, 'the descriptor itself stays open')
})

test('a descriptor that cannot be written to fails it', async () => {
  const stream = new DescriptorStream(2 ** 30)
  const error = await new Promise<NodeJS.ErrnoException>(resolve => {
    stream.on('error', resolve)
    stream.write('x')
  })
  assert.equal(error.code, 'EBADF')
  await new Promise<void>(resolve => stream.close(resolve))
})
