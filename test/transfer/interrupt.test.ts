import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { aborted, watchLimits } from '#sluice/transfer/interrupt.js'
import { pause } from '../support/eventually.js'

test('the signal and the deadline interrupt once, whichever comes first', async () => {
  const controller = new AbortController()
  const codes: string[] = []
  watchLimits({ signal: controller.signal, deadlineMs: 10 }, ({ code }) => codes.push(code))
  await pause(30)
  controller.abort()
  assert.deepEqual(codes, ['ERR_SLUICE_DEADLINE'])
})

test('nothing interrupts what has stopped watching', async () => {
  const controller = new AbortController()
  const codes: string[] = []
  const stop = watchLimits({ signal: controller.signal, deadlineMs: 5 }, ({ code }) => codes.push(code))
  stop()
  stop()
  controller.abort()
  await pause(20)
  assert.deepEqual(codes, [])
})

test('one signal is listened to once on behalf of many, and not at all when they are through', () => {
  const { signal } = new AbortController()
  const stops = Array.from({ length: 100 }, () => watchLimits({ signal }, () => {}))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  for (const stop of stops) stop()
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('one that ends others when it is interrupted spares them', () => {
  const controller = new AbortController()
  const interrupted: string[] = []
  const stops: (() => void)[] = []
  for (const name of ['first', 'second', 'third']) {
    stops.push(
      watchLimits({ signal: controller.signal }, () => {
        interrupted.push(name)
        if (name === 'first') stops[1]!()
      }),
    )
  }
  controller.abort()
  assert.deepEqual(interrupted, ['first', 'third'])
})

test('the error for an abort is an AbortError with the reason as its cause', () => {
  const reason = new Error('enough')
  const error = aborted(AbortSignal.abort(reason))
  assert.equal(error.name, 'AbortError')
  assert.equal(error.code, 'ERR_SLUICE_ABORTED')
  assert.equal(error.cause, reason)
})
