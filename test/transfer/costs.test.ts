import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { type Costs, expectedOf, type Measured, nsOf } from '#sluice/transfer/plan/costs.js'

const pair = 'file → tcp'

function costsOf(...sendfile: Measured[]): Costs {
  return { [pair]: { sendfile } }
}

function nsFor(costs: Costs, bytes: number): number {
  return nsOf(expectedOf(costs, pair, 'sendfile', bytes)!, bytes)
}

test('what was measured is expected, and between two sizes what lies between', () => {
  const costs = costsOf([256, 5000], [4 * KiB, 6000], [64 * KiB, 30_000])
  const cases = [
    [256, 5000],
    [4 * KiB, 6000],
    [34 * KiB, 18_000],
    [64 * KiB, 30_000],
  ] as const
  for (const [bytes, ns] of cases) assert.ok(Math.abs(nsFor(costs, bytes) - ns) < 1e-6)
})

test('below the smallest size the cost is that of the smallest', () => {
  const costs = costsOf([256, 5000], [4 * KiB, 6000])
  for (const bytes of [0, 1, 255]) assert.ok(Math.abs(nsFor(costs, bytes) - 5000) < 1e-6)
  assert.deepEqual(expectedOf(costs, pair, 'sendfile', 0), { nsPerCall: 5000, nsPerKiB: 0 })
})

test('above the largest size it goes on as before, and never down', () => {
  assert.ok(Math.abs(nsFor(costsOf([KiB, 1000], [3 * KiB, 3000]), 10 * KiB) - 10_000) < 1e-6)
  assert.equal(nsFor(costsOf([KiB, 3000], [2 * KiB, 2000]), 10 * KiB), 2000)
  assert.equal(nsFor(costsOf([KiB, 3000]), 2 * KiB), 6000)
})

test('bytes cost what the line from the smallest size to this one says, and the rest is put down to the call', () => {
  const costs = costsOf([KiB, 3000], [65 * KiB, 67_000], [129 * KiB, 387_000])
  assert.deepEqual(expectedOf(costs, pair, 'sendfile', 65 * KiB), { nsPerCall: 2000, nsPerKiB: 1000 })
  assert.deepEqual(expectedOf(costs, pair, 'sendfile', 129 * KiB), { nsPerCall: 0, nsPerKiB: 3000 })
})

test('what a byte costs is not told by sizes that differ by nothing but noise', () => {
  const costs = costsOf([KiB, 3000], [4 * KiB, 2500], [65 * KiB, 67_000])
  assert.deepEqual(expectedOf(costs, pair, 'sendfile', KiB), { nsPerCall: 2000, nsPerKiB: 1000 })
  assert.deepEqual(expectedOf(costs, pair, 'sendfile', 2 * KiB)!.nsPerKiB, 1000)
})

test('where only one size is known all is put down to the bytes', () => {
  assert.deepEqual(expectedOf(costsOf([KiB, 3000]), pair, 'sendfile', KiB), { nsPerCall: 0, nsPerKiB: 3000 })
})

test('a size that was measured to cost less than the smallest one has no negative cost by the byte', () => {
  const expected = expectedOf(costsOf([256, 5000], [4 * KiB, 4900]), pair, 'sendfile', 4 * KiB)
  assert.deepEqual(expected, { nsPerCall: 4900, nsPerKiB: 0 })
})

test('nothing is expected where nothing is known', () => {
  assert.equal(expectedOf({}, pair, 'sendfile', 1), null)
  assert.equal(expectedOf(costsOf([256, 1]), pair, 'copy', 1), null)
  assert.equal(expectedOf(costsOf(), pair, 'sendfile', 1), null)
})
