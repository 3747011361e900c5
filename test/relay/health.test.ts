import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Health, type HealthSettings } from '#sluice/relay/health.js'
import { stopClock } from '../support/eventually.js'

const check = { intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 3, proxyOut: 0 } as const
const passive: HealthSettings = { failuresMax: 3, backoffMs: 1000, connectMs: 1500, check: null }

function health(t: TestContext, settings: HealthSettings): { health: Health; pass: (ms: number) => void } {
  const pass = stopClock(t)
  return { health: new Health(settings), pass }
}

function fail(one: Health, times: number): void {
  for (let count = 0; count < times; count++) one.failed('ECONNREFUSED')
}

test('failures in a row take it down, and not those with a success between', t => {
  const { health: one } = health(t, passive)
  fail(one, 2)
  one.connected()
  fail(one, 2)
  assert.deepEqual([one.up, one.usable, one.why], [true, true, ''])
  fail(one, 1)
  assert.deepEqual([one.up, one.usable, one.why], [false, false, 'ECONNREFUSED'])
})

test('after its backoff one client may try, and no other for as long again', t => {
  const { health: one, pass } = health(t, passive)
  fail(one, 3)
  pass(999)
  assert.equal(one.usable, false)
  pass(1)
  assert.equal(one.usable, true)
  one.begin()
  assert.deepEqual([one.trial, one.usable], [true, false])
  pass(1499)
  assert.equal(one.usable, false, 'as long as it may take to connect')
  one.connected()
  assert.deepEqual([one.up, one.trial, one.usable, one.why], [true, false, true, ''])
})

test('a trial whose outcome is never told does not keep others from trying for ever', t => {
  const { health: one, pass } = health(t, passive)
  fail(one, 3)
  pass(1000)
  one.begin()
  pass(1500)
  assert.equal(one.usable, true)
})

test('each trial in vain doubles the backoff, up to half a minute', t => {
  const { health: one, pass } = health(t, passive)
  fail(one, 3)
  for (const expected of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    pass(expected - 1)
    assert.equal(one.usable, false, `${expected} ms`)
    pass(1)
    assert.equal(one.usable, true, `${expected} ms`)
    one.begin()
    fail(one, 1)
  }
  // Once it was up, it begins anew.
  pass(30_000)
  one.begin()
  one.connected()
  fail(one, 3)
  pass(1000)
  assert.equal(one.usable, true)
})

test('connects that were under way when it went down do not double the backoff', t => {
  const { health: one, pass } = health(t, passive)
  fail(one, 20)
  pass(1000)
  assert.equal(one.usable, true)
})

test('with failuresMax 0 connects for clients take nothing down', t => {
  const { health: one } = health(t, { ...passive, failuresMax: 0 })
  fail(one, 100)
  assert.equal(one.up, true)
})

test('the first check decides alone, later ones by rise and fall', t => {
  const { health: one } = health(t, { ...passive, check })
  one.checked('ECONNREFUSED')
  assert.deepEqual([one.up, one.why], [false, 'ECONNREFUSED'])
  one.checked(null)
  assert.equal(one.up, false)
  one.checked(null)
  assert.equal(one.up, true)
  one.checked('a')
  one.checked('b')
  one.checked(null)
  one.checked('a')
  one.checked('b')
  assert.equal(one.up, true)
  one.checked('c')
  assert.deepEqual([one.up, one.why], [false, 'c'])
})

test('where there are checks, only they find it up again', t => {
  const { health: one, pass } = health(t, { ...passive, check })
  one.checked(null)
  fail(one, 3)
  assert.equal(one.up, false)
  pass(1e6)
  assert.equal(one.usable, false)
  one.connected()
  assert.equal(one.up, false)
  one.checked(null)
  one.checked(null)
  assert.equal(one.up, true)
})

test('without checks any longer a client tries', t => {
  const { health: one, pass } = health(t, { ...passive, check })
  one.checked('ECONNREFUSED')
  one.settings = passive
  assert.equal(one.usable, true)
  one.begin()
  assert.equal(one.usable, false)
  pass(1500)
  assert.equal(one.usable, true)
})
