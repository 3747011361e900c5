import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tickets } from '#sluice/ring/tickets.js'

test('a completion that comes after its slot was given to another is recognised', () => {
  const tickets = new Tickets(2)
  const slot = tickets.take()
  const generation = tickets.generation(slot)
  assert.ok(tickets.isCurrent(slot, generation))
  tickets.release(slot)
  assert.ok(!tickets.isCurrent(slot, generation))
  assert.equal(tickets.take(), slot)
  assert.ok(!tickets.isCurrent(slot, generation))
  assert.ok(tickets.isCurrent(slot, tickets.generation(slot)))
  assert.equal(tickets.taken, 1)
})

test('there are as many as there are, and each is given back once', () => {
  const tickets = new Tickets(3)
  assert.deepEqual([tickets.take(), tickets.take(), tickets.take(), tickets.take()].sort(), [-1, 0, 1, 2])
  tickets.release(1)
  assert.throws(() => tickets.release(1), /without being taken/)
  assert.throws(() => tickets.release(7), /without being taken/)
  assert.ok(!tickets.isCurrent(7, 0))
  assert.ok(!tickets.isCurrent(-1, 0))
})
