import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Cell, costsOf, inTurns, isContested } from '#sluice/measure/cells.js'
import type { Rig } from '#sluice/measure/rig.js'
import type { PairName } from '#sluice/transfer/plan/costs.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

/** Nothing is run on it. */
function rigOf(pair: PairName): Rig {
  return { experiment: { pair } } as Rig
}

const rig = rigOf('file → tcp')
const other = rigOf('pipe → pipe')

function cell(path: PathName, ns: number[], more: Partial<Cell> = {}): Cell {
  return { rig, path, bytes: 256, count: 1, ms: 1, firstNs: 7777, ns, ...more }
}

test('the figure is the lower quartile, and the first look where there is nothing else', () => {
  const costs = costsOf([
    cell('sendfile', [90, 50, 80, 10, 60, 70, 20, 30, 40]),
    cell('sendfile', [5.4, 5.4], { bytes: 4096 }),
    cell('splice', []),
    cell('copy', [0.2], { rig: other }),
  ])
  assert.deepEqual(costs, {
    'file → tcp': {
      sendfile: [
        [256, 30],
        [4096, 5],
      ],
      splice: [[256, 7777]],
    },
    'pipe → pipe': { copy: [[256, 1]] },
  })
})

test('the paths of a pair take turns at going first', () => {
  const cells = [
    ...(['sendfile', 'splice', 'copy'] as const).map(path => cell(path, [])),
    ...(['splice', 'copy'] as const).map(path => cell(path, [], { rig: other })),
    cell('sendfile', [], { bytes: 4096 }),
  ]
  const order = (round: number): string =>
    inTurns(cells, round)
      .map(({ path }) => path)
      .join(' ')
  assert.equal(order(0), 'sendfile splice copy splice copy sendfile')
  assert.equal(order(1), 'splice copy sendfile copy splice sendfile')
  assert.equal(order(2), 'copy sendfile splice splice copy sendfile')
})

test('fewer paths stay in question from round to round', () => {
  const cells = [
    cell('sendfile', [100, 100, 100]),
    cell('splice', [150, 150, 150]),
    cell('copy', [400, 400, 400]),
    cell('zerocopy', [9000]),
  ]
  const contested = (round: number): PathName[] =>
    cells.filter(each => isContested(each, cells, round)).map(({ path }) => path)
  // What was hardly looked at stays, however dear it seemed.
  assert.deepEqual(contested(0), ['sendfile', 'splice', 'copy', 'zerocopy'])
  assert.deepEqual(contested(1), ['sendfile', 'splice', 'copy', 'zerocopy'])
  assert.deepEqual(contested(2), ['sendfile', 'splice', 'zerocopy'])
  assert.deepEqual(contested(8), ['sendfile', 'splice', 'zerocopy'])
  assert.deepEqual(contested(9), ['zerocopy'])
})
