import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Estimate, estimate } from '#sluice/measure/estimate.js'

function seen(ns: number[], elsewhereNs: number | null = null) {
  return { ns, elsewhereNs }
}

function nsOf({ log }: Estimate): number {
  return Math.exp(log)
}

function isAbout(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual / expected - 1) < tolerance, `${actual} is not about ${expected}`)
}

test('a path costs the geometric mean of the lowest third of what was seen', () => {
  const [one, three, four, nine] = estimate([
    seen([70]),
    seen([30, 20, 900]),
    seen([40, 10, 9000, 9000]),
    seen([90, 8, 80, 64, 1, 70, 75, 100, 85]),
  ])
  isAbout(nsOf(one!), 70)
  isAbout(nsOf(three!), 20)
  isAbout(nsOf(four!), 20)
  isAbout(nsOf(nine!), 8)
})

test('the more was seen, the less it is off', () => {
  const errors = [1, 2, 8, 32].map(count => estimate([seen(Array(count).fill(5))])[0]!.error)
  assert.deepEqual(errors, [2, 1, 0.25, 0.0625])
})

test('of a single batch the level is believed, and hardly the ratio', () => {
  // Elsewhere the second costs twice as much as the first; here it seemed to cost half.
  const [one, other] = estimate([seen([4000], 100), seen([2000], 200)])
  isAbout(nsOf(other!) / nsOf(one!), 2, 0.05)
  isAbout(nsOf(one!) * nsOf(other!), 4000 * 2000)
})

test('what was seen often is believed, whatever is so elsewhere', () => {
  const [one, other] = estimate([seen(Array(100).fill(4000), 100), seen(Array(100).fill(2000), 200)])
  isAbout(nsOf(one!), 4000, 0.01)
  isAbout(nsOf(other!), 2000, 0.01)
})

test('what was seen once does not move the level of what was seen often', () => {
  const [often, once] = estimate([seen(Array(100).fill(1000), 100), seen([90_000], 300)])
  isAbout(nsOf(often!), 1000, 0.05)
  isAbout(nsOf(once!), 3000, 0.15)
  assert.ok(once!.error > 5 * often!.error)
})

test('what was not tried at all is as much dearer than the others as elsewhere', () => {
  const [tried, untried] = estimate([seen(Array(100).fill(5000), 100), seen([], 300)])
  isAbout(nsOf(untried!), 15_000, 0.01)
  assert.ok(untried!.error > tried!.error)
  const before = estimate([seen([], 100), seen([], 300)])
  assert.deepEqual(before.map(nsOf).map(Math.round), [100, 300])
})

test('a path that nothing is known of elsewhere is taken as it was seen', () => {
  const [known, unknown] = estimate([seen([1000], 10), seen([50])])
  isAbout(nsOf(known!), 1000)
  isAbout(nsOf(unknown!), 50)
})
