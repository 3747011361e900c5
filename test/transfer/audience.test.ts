import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Audience } from '#sluice/transfer/ends/audience.js'

function audience(): Audience<EventEmitter> {
  return new Audience(
    (source, listener) => source.on('news', listener),
    (source, listener) => source.off('news', listener),
  )
}

test('all members hear of an event, through one listener', () => {
  const source = new EventEmitter()
  const members = audience()
  const heard: number[] = []
  for (let index = 0; index < 50; index++) members.join(source, () => heard.push(index))
  assert.equal(source.listenerCount('news'), 1)
  source.emit('news')
  assert.deepEqual(
    heard,
    Array.from({ length: 50 }, (_, index) => index),
  )
})

test('whoever left, even while others hear, hears nothing; the last one takes the listener along', () => {
  const source = new EventEmitter()
  const members = audience()
  const heard: string[] = []
  const second = (): void => void heard.push('second')
  const first = (): void => {
    heard.push('first')
    members.leave(source, second)
  }
  members.join(source, first)
  members.join(source, second)
  source.emit('news')
  assert.deepEqual(heard, ['first'])
  members.leave(source, first)
  members.leave(source, first)
  assert.equal(source.listenerCount('news'), 0)
})

test('sources are apart from each other', () => {
  const [one, other] = [new EventEmitter(), new EventEmitter()]
  const members = audience()
  let heard = 0
  members.join(one, () => heard++)
  other.emit('news')
  assert.equal(heard, 0)
})
