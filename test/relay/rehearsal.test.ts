import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultEngine } from '#sluice/engine/default.js'
import { native } from '#sluice/native/load.js'
import { rehearse } from '#sluice/relay/rehearsal.js'
import { needsAddon } from '../support/addon.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'

test('a rehearsal leaves nothing behind but a pipe in the pool', needsAddon, async t => {
  await rehearse()
  const { watching } = defaultEngine()!
  const before = openDescriptors()
  const socketpair = t.mock.method(native!, 'socketpair')
  const recv = t.mock.method(native!, 'recv')
  await rehearse()
  assert.ok(socketpair.mock.callCount() > 10)
  assert.ok(recv.mock.calls.some(({ result }) => result! > 0))
  assert.equal(defaultEngine()!.watching, watching)
  await descriptorsBackTo(before)
})

test('where there are no descriptors for it there is none', needsAddon, async t => {
  const before = openDescriptors()
  let calls = 0
  const { socketpair } = native!
  // Every second one fails: conversations take two.
  t.mock.method(native!, 'socketpair', (domain: number, type: number, out: Int32Array) =>
    ++calls % 2 === 0 ? -24 : socketpair(domain, type, out),
  )
  await rehearse()
  assert.ok(calls > 10)
  await descriptorsBackTo(before)
})
