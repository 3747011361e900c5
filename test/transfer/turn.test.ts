import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Turn } from '#sluice/transfer/ends/turn.js'

test('turns come in the order in which they were taken, not in that of asking', async () => {
  const sink = new PassThrough()
  const turns = ['first', 'second', 'third'].map(name => ({ name, turn: new Turn(sink) }))
  const begun: string[] = []
  for (const { name, turn } of [...turns].reverse()) turn.whenCome(() => begun.push(name))
  assert.deepEqual(begun, ['first'], 'the first begins at once')
  for (const { turn } of turns) {
    turn.leave()
    turn.leave()
    await Promise.resolve()
  }
  assert.deepEqual(begun, ['first', 'second', 'third'])
})

test('whoever leaves the line while waiting is never called', async () => {
  const sink = new PassThrough()
  const [first, second, third] = [new Turn(sink), new Turn(sink), new Turn(sink)]
  const begun: string[] = []
  second.whenCome(() => begun.push('second'))
  third.whenCome(() => begun.push('third'))
  first.leave()
  second.leave()
  await Promise.resolve()
  assert.deepEqual(begun, ['third'])
})

test('one whose turn came before it was ready begins when it is', async () => {
  const sink = new PassThrough()
  const [first, second] = [new Turn(sink), new Turn(sink)]
  first.leave()
  await Promise.resolve()
  let begun = false
  second.whenCome(() => {
    begun = true
  })
  assert.ok(begun)
})

test('different sinks have different lines, descriptors by their number', () => {
  const begun: unknown[] = []
  for (const sink of [new PassThrough(), new PassThrough(), 5, 6, 5]) {
    new Turn(sink).whenCome(() => begun.push(sink))
  }
  assert.equal(begun.length, 4)
})
