import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBalancer } from '#sluice/relay/balance/balancer.js'
import type { Weighted } from '#sluice/relay/balance/weighted.js'
import type { Balance } from '#sluice/relay/options.js'

interface Candidate extends Weighted {
  weight: number
  open: number
}

function candidates(weights: readonly number[]): Candidate[] {
  return weights.map((weight, index) => ({ key: `192.0.2.${index + 1}:80`, weight, open: 0 }))
}

/** How often each candidate is chosen for so many clients, which stay connected if `stay`. */
function spread(balance: Balance, list: readonly Candidate[], clients: number, stay = false): number[] {
  const balancer = openBalancer(balance)
  const chosen = new Map<Candidate, number>(list.map(candidate => [candidate, 0]))
  for (let client = 0; client < clients; client++) {
    const one = balancer.choose(list, address(client))
    chosen.set(one, chosen.get(one)! + 1)
    if (stay) one.open++
  }
  return [...chosen.values()]
}

function address(client: number): string {
  return `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`
}

test('round robin goes by weights exactly, and evenly', () => {
  assert.deepEqual(spread('round-robin', candidates([1, 1, 1]), 300), [100, 100, 100])
  assert.deepEqual(spread('round-robin', candidates([5, 1, 2]), 800), [500, 100, 200])
  const balancer = openBalancer('round-robin')
  const list = candidates([3, 1])
  const turns = Array.from({ length: 8 }, () => list.indexOf(balancer.choose(list, '')))
  assert.deepEqual(turns, [0, 0, 1, 0, 0, 0, 1, 0])
})

test('round robin goes on where it was when candidates come and go', () => {
  const balancer = openBalancer('round-robin')
  const [a, b, c] = candidates([1, 1, 1]) as [Candidate, Candidate, Candidate]
  assert.equal(balancer.choose([a, b, c], ''), a)
  assert.equal(balancer.choose([b, c], ''), b)
  assert.equal(balancer.choose([a, b, c], ''), c)
  assert.equal(new Set([1, 2, 3].map(() => balancer.choose([a, b, c], ''))).size, 3)
})

test('least connections goes to who has fewest for its weight', () => {
  assert.deepEqual(spread('least-connections', candidates([1, 1, 1]), 300, true), [100, 100, 100])
  assert.deepEqual(spread('least-connections', candidates([4, 1]), 500, true), [400, 100])
  const list = candidates([1, 1, 2])
  list[0]!.open = 3
  list[1]!.open = 2
  list[2]!.open = 5
  assert.equal(openBalancer('least-connections').choose(list, ''), list[1])
})

test('among those that have equally few, they take turns', () => {
  assert.deepEqual(spread('least-connections', candidates([1, 1, 1]), 300), [100, 100, 100])
})

test('the same source has the same upstream, and sources are spread by weights', () => {
  const list = candidates([1, 1, 2, 4])
  const balancer = openBalancer('source-hash')
  for (let client = 0; client < 100; client++) {
    const chosen = balancer.choose(list, address(client))
    assert.equal(openBalancer('source-hash').choose([...list].reverse(), address(client)), chosen)
  }
  const clients = 40_000
  for (const [index, count] of spread('source-hash', list, clients).entries()) {
    const expected = (clients * list[index]!.weight) / 8
    // Five standard deviations: the hash is fixed, so that this either always holds or never.
    const allowed = 5 * Math.sqrt(expected)
    assert.ok(
      Math.abs(count - expected) < allowed,
      `${count} of ${expected} for weight ${list[index]!.weight}`,
    )
  }
})

test('who loses its upstream is spread over the others, and nobody else moves', () => {
  const list = candidates([1, 1, 1, 1, 1])
  const rest = list.slice(1)
  const balancer = openBalancer('source-hash')
  const moved = new Map<Candidate, number>()
  for (let client = 0; client < 10_000; client++) {
    const before = balancer.choose(list, address(client))
    const after = balancer.choose(rest, address(client))
    if (before === list[0]) moved.set(after, (moved.get(after) ?? 0) + 1)
    else assert.equal(after, before)
  }
  assert.equal(moved.size, 4)
  for (const count of moved.values()) assert.ok(count > 350 && count < 650, `${count} of about 500`)
})

test('more weight for one takes from the others, and moves nobody between them', () => {
  const balancer = openBalancer('source-hash')
  const list = candidates([1, 1, 1])
  const before = Array.from({ length: 3000 }, (_, client) => balancer.choose(list, address(client)))
  list[2]!.weight = 3
  before.forEach((candidate, client) => {
    const after = balancer.choose(list, address(client))
    assert.ok(after === candidate || after === list[2])
  })
})
