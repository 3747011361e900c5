import assert from 'node:assert/strict'
import { test } from 'node:test'
import { native } from '#sluice/native/load.js'
import { holdDescriptor } from '#sluice/transfer/ends/descriptor-hold.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { needsAddon } from '../support/addon.js'
import { socketPair } from '../support/sockets.js'

test('a descriptor that blocks does not while it is held, and does again after', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const fd = descriptorOf(socket)
  native!.setNonBlocking(fd, 0)
  const hold = holdDescriptor(native!, fd)
  assert.equal(native!.setNonBlocking(fd, 1), 0, 'it is non-blocking')
  hold.release()
  assert.equal(native!.setNonBlocking(fd, 1), 1, 'it was blocking again')
})

test('a descriptor that does not block stays so', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const fd = descriptorOf(socket)
  holdDescriptor(native!, fd).release()
  assert.equal(native!.setNonBlocking(fd, 1), 0)
})
