import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { eventually } from '../support/eventually.js'
import { calls, needsAddon } from './support.js'

const { EBADF } = constants.errno

test('a watch calls back while its descriptor is readable, until it is closed', needsAddon, async () => {
  const counter = calls.eventfdCreate()
  let called = 0
  const watch = calls.wakeOpen(calls.dup(counter), () => called++)
  assert.ok(typeof watch !== 'number')
  assert.equal(calls.wakeKeepAlive(watch, 1), 0)
  assert.equal(calls.eventfdAdd(counter), 0)
  await eventually(
    () => called > 2,
    () => `called ${called} times`,
  )
  assert.equal(calls.wakeClose(watch), 0)
  assert.equal(calls.wakeClose(watch), -EBADF)
  assert.equal(calls.wakeKeepAlive(watch, 1), -EBADF)
  const before = called
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
  assert.equal(called, before)
  assert.equal(calls.close(counter), 0)
})

test('what cannot be watched says so', needsAddon, () => {
  assert.ok((calls.wakeOpen(-1, () => {}) as number) < 0)
})
