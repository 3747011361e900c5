import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { REGISTER_PROBE } from '#sluice/ring/flags.js'
import { calls, needsAddon } from './support.js'

const paramsBytes = 120

test('a ring wants params of their full size', needsAddon, () => {
  assert.throws(() => calls.ioUringSetup(2, new Uint8Array(paramsBytes - 1)), TypeError)
})

test('a ring of 0 entries is refused by the kernel, or by what stands before it', needsAddon, () => {
  const { EINVAL, ENOSYS, EPERM } = constants.errno
  assert.ok([-EINVAL, -ENOSYS, -EPERM].includes(calls.ioUringSetup(0, new Uint8Array(paramsBytes))))
})

test('entering and registering need a ring', needsAddon, () => {
  assert.ok(calls.ioUringEnter(-1, 0, 0, 0) < 0)
  assert.ok(calls.ioUringRegister(-1, REGISTER_PROBE, new Uint8Array(16), 0) < 0)
})

test('a view is as far from its buffer as its offset says', needsAddon, () => {
  const bytes = new Uint8Array(4096)
  const address = calls.addressOf(bytes)
  assert.ok(Number.isSafeInteger(address) && address > 0)
  assert.equal(calls.addressOf(bytes.subarray(100)), address + 100)
})

test('an owned ring is closed once', needsAddon, t => {
  const ring = calls.ioUringSetup(2, new Uint8Array(paramsBytes))
  if (ring < 0) return t.skip('rings are refused here')
  const owner = calls.ioUringOwn(ring)
  assert.ok(typeof owner !== 'number')
  assert.equal(calls.ioUringCancelAll(ring, 0), 0)
  assert.equal(calls.ioUringClose(owner), 0)
  assert.equal(calls.ioUringClose(owner), -constants.errno.EBADF)
  assert.equal(calls.close(ring), -constants.errno.EBADF)
})

test('waiting for a completion ends with its time', needsAddon, t => {
  const ring = calls.ioUringSetup(2, new Uint8Array(paramsBytes))
  if (ring < 0) return t.skip('rings are refused here')
  const getEvents = 1
  const before = performance.now()
  assert.equal(calls.ioUringEnterFor(ring, 0, 1, getEvents, 20), -constants.errno.ETIME)
  assert.ok(performance.now() - before >= 19)
  assert.equal(calls.close(ring), 0)
})
