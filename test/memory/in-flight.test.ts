import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InFlight } from '#sluice/memory/in-flight.js'

test('idle() resolves at once where nothing is in flight', async () => {
  await new InFlight().idle()
})

test('idle() resolves when the last has left', async () => {
  const inFlight = new InFlight()
  const seen: string[] = []
  inFlight.enter()
  inFlight.enter()
  const idle = Promise.all([inFlight.idle(), inFlight.idle()]).then(() => seen.push('idle'))
  inFlight.leave()
  await Promise.resolve()
  assert.deepEqual([seen, inFlight.count], [[], 1])
  inFlight.leave()
  await idle
  assert.deepEqual([seen, inFlight.count], [['idle'], 0])
})

test('leaving more often than entering is our own bug', () => {
  assert.throws(() => new InFlight().leave(), /without enter/)
})
