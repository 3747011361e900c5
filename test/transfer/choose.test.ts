import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { GiB, KiB, MiB } from '#sluice/base/units.js'
import { type Candidate, choose } from '#sluice/transfer/plan/choose.js'
import { useCosts } from '#sluice/transfer/plan/cost-table.js'
import { type Costs, expectedOf, nsOf } from '#sluice/transfer/plan/costs.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { Random } from '../support/random.js'

const pair = 'memory → tcp'

function candidate(path: PathName, obstacle = ''): Candidate {
  return { path, advantage: `${path} is good`, obstacle }
}

const three = [candidate('writev'), candidate('vmsplice'), candidate('copy')]

function inForce(costs: Costs, origin: 'measured' | 'built-in' = 'measured'): void {
  useCosts({ origin, costs, measuredAt: null, path: null, why: '' })
}

/** vmsplice is dearer at first and cheaper later: the two meet between 4 KiB and 64 KiB. */
const crossing: Costs = {
  [pair]: {
    writev: [
      [256, 5000],
      [4 * KiB, 6000],
      [64 * KiB, 15_200],
      [MiB, 235_000],
    ],
    vmsplice: [
      [256, 6000],
      [4 * KiB, 6600],
      [64 * KiB, 12_400],
      [MiB, 140_000],
    ],
    copy: [
      [256, 9000],
      [MiB, 500_000],
    ],
  },
}

afterEach(() => useCosts(null))

test('the cheapest at the size is taken, and the figures say why', () => {
  inForce(crossing)
  assert.equal(choose(pair, three, { bytes: 256 }).path, 'writev')
  const { path, why, expected, rejected } = choose(pair, three, { bytes: 64 * KiB })
  assert.equal(path, 'vmsplice')
  assert.equal(
    why,
    'vmsplice is good; cheapest of 3 here for about 64 KiB: 12.4 µs expected, writev 15.2 µs (measured on this kernel)',
  )
  assert.equal(nsOf(expected, 64 * KiB), 12_400)
  assert.deepEqual(rejected, [
    { path: 'writev', why: 'vmsplice is cheaper: this takes 15.2 µs' },
    { path: 'copy', why: 'vmsplice is cheaper: this takes 39.6 µs' },
  ])
})

test('built-in figures are called so, and an unknown length is planned for as a long one', () => {
  inForce(crossing, 'built-in')
  const { path, why } = choose(pair, three, {})
  assert.equal(path, 'vmsplice')
  assert.match(
    why,
    /an unknown length, taken for 1 MiB: 140 µs expected, writev 235 µs \(built-in figures\)$/,
  )
})

test('what nothing is known of goes by its place', () => {
  inForce({})
  assert.deepEqual(choose(pair, three, { bytes: 1 }), {
    path: 'writev',
    why: 'writev is good',
    expected: { nsPerCall: 10_000, nsPerKiB: 200 },
    rejected: ['vmsplice', 'copy'].map(path => ({
      path,
      why: 'writev goes first where nothing was measured',
    })),
  })
  inForce({ [pair]: { copy: [[256, 1]], vmsplice: [[256, 2]] } })
  assert.equal(choose(pair, three, { bytes: 1 }).path, 'writev')
  const { path, rejected } = choose(pair, [...three.slice(1), candidate('sendfile')], { bytes: 1 })
  assert.equal(path, 'copy')
  assert.match(rejected.find(other => other.path === 'sendfile')!.why, /not measured/)
})

test('of what costs about the same the first is taken', () => {
  for (const [vmspliceNs, expected] of [
    [9800, 'writev'],
    [10_200, 'writev'],
    [9600, 'vmsplice'],
  ] as const) {
    inForce({ [pair]: { writev: [[256, 10_000]], vmsplice: [[256, vmspliceNs]], copy: [[256, 20_000]] } })
    assert.equal(choose(pair, three, { bytes: 256 }).path, expected)
  }
})

test('what is preferred is taken whatever it costs, where it is possible', () => {
  inForce(crossing)
  const { path, why, rejected, expected } = choose(pair, three, { bytes: MiB, prefer: 'copy' })
  assert.deepEqual([path, why], ['copy', 'copying was asked for'])
  assert.ok(rejected.every(other => other.why === why))
  assert.equal(nsOf(expected, MiB), 500_000)
  const blocked = [candidate('writev', 'it is shut'), ...three.slice(1)]
  const other = choose(pair, blocked, { bytes: MiB, prefer: 'writev' })
  assert.deepEqual([other.path, other.why], ['vmsplice', 'it is shut'])
  assert.equal(choose(pair, three, { bytes: MiB, prefer: 'tee' }).path, 'vmsplice')
})

test('an obstacle is the reason only where it stood before something better', () => {
  inForce(crossing)
  const cheap = [three[0]!, candidate('vmsplice', 'the pages are huge'), three[2]!]
  assert.equal(choose(pair, cheap, { bytes: MiB }).why, 'the pages are huge')
  assert.match(choose(pair, cheap, { bytes: 256 }).why, /^writev is good; cheapest of 2/)
  const { rejected } = choose(pair, cheap, { bytes: 256 })
  assert.equal(rejected[0]!.why, 'the pages are huge')
  const alone = choose(pair, [candidate('vmsplice', 'no'), candidate('writev', 'nor'), three[2]!], {
    bytes: 256,
  })
  assert.deepEqual([alone.path, alone.why], ['copy', 'nor'])
})

test('an obstacle that is new makes a new plan, also where there are very many', () => {
  inForce(crossing)
  for (let i = 0; i < 100; i++) {
    const obstacle = i % 3 === 0 ? '' : `obstacle ${i}`
    const { path, why } = choose(pair, [candidate('writev', obstacle), ...three.slice(2)], { bytes: 256 })
    assert.equal(path, obstacle === '' ? 'writev' : 'copy')
    if (obstacle !== '') assert.equal(why, obstacle)
  }
})

test('a plan is made once for like questions, and anew for other costs', () => {
  inForce(crossing)
  const plan = choose(pair, three, { bytes: 64 * KiB })
  assert.equal(choose(pair, [...three.map(each => ({ ...each }))], { bytes: 64 * KiB + 1 }), plan)
  assert.notEqual(choose(pair, three, { bytes: 64 * KiB, prefer: 'vmsplice' }), plan)
  assert.ok(Object.isFrozen(plan) && Object.isFrozen(plan.rejected) && Object.isFrozen(plan.expected))
  inForce({ [pair]: { writev: [[256, 1]], vmsplice: [[256, 2]], copy: [[256, 3]] } })
  assert.equal(choose(pair, three, { bytes: 64 * KiB }).path, 'writev')
})

test('every size is planned for as one that is at most a sixteenth away', () => {
  inForce(crossing)
  const random = new Random(1)
  const sizes = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, GiB - 1, GiB]
  for (let i = 0; i < 2000; i++) sizes.push(random.below(2 ** (1 + random.below(30))))
  for (const bytes of sizes) {
    const { path, expected } = choose(pair, three, { bytes })
    const exact = nsOf(expectedOf(crossing, pair, path, bytes)!, bytes)
    const ratio = nsOf(expected, bytes) / exact
    assert.ok(ratio > 0.93 && ratio < 1.07, `${bytes} bytes: ${ratio}`)
  }
})

test('what is larger than the largest class costs more in proportion', () => {
  inForce(crossing)
  const at = (bytes: number): number => nsOf(choose(pair, three, { bytes }).expected, bytes)
  const ratio = at(1024 * GiB) / at(GiB)
  assert.ok(ratio > 1000 && ratio < 1025)
})
