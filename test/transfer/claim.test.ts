import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Claim } from '#sluice/transfer/ends/claim.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { needsAddon } from '../support/addon.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { socketPair } from '../support/sockets.js'

test('a claim has a descriptor of its own, given back at its end', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const before = openDescriptors()
  const claim = new Claim(descriptorOf(socket))
  assert.notEqual(claim.fd, descriptorOf(socket))
  assert.equal(openDescriptors().length, before.length + 1)
  claim.end()
  claim.end()
  await descriptorsBackTo(before)
})

test('what is no descriptor cannot be claimed', needsAddon, () => {
  assert.throws(() => new Claim(2 ** 30), { code: 'ERR_SLUICE_SYSCALL', message: /1073741824.*EBADF/ })
})
