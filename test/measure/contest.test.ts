import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Contest, costsOf, type Entry, inQuestion, urgency } from '#sluice/measure/contest.js'
import type { Rig } from '#sluice/measure/rig.js'
import type { PairName } from '#sluice/transfer/plan/costs.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

/** Nothing is run on it. */
function rigOf(pair: PairName): Rig {
  return { experiment: { pair } } as Rig
}

const rig = rigOf('file → tcp')

/** The figure so many times. */
function entry(path: PathName, ns: number, count: number): Entry {
  return { path, ns: Array<number>(count).fill(ns), elsewhereNs: null }
}

function contest(entries: Entry[], more: Partial<Contest> = {}): Contest {
  return { rig, bytes: 256, entries, rounds: 1, ms: 1, ...more }
}

function namesOf(entries: readonly Entry[]): PathName[] {
  return entries.map(({ path }) => path)
}

test('costs are by pair, path and size, in whole nanoseconds above 0', () => {
  const costs = costsOf([
    contest([entry('sendfile', 30.4, 1), entry('splice', 50, 1)]),
    contest([entry('sendfile', 70, 1)], { bytes: 4096 }),
    contest([entry('copy', 0.2, 1)], { rig: rigOf('pipe → pipe') }),
    contest([], { rig: rigOf('file → file') }),
  ])
  assert.deepEqual(costs, {
    'file → tcp': {
      sendfile: [
        [256, 30],
        [4096, 70],
      ],
      splice: [[256, 50]],
    },
    'pipe → pipe': { copy: [[256, 1]] },
  })
})

test('fewer paths stay in question the more was seen of them', () => {
  const after = (count: number): PathName[] =>
    namesOf(
      inQuestion(
        contest([entry('splice', 115, count), entry('sendfile', 100, count), entry('copy', 400, count)]),
      ),
    )
  assert.deepEqual(after(1), ['splice', 'sendfile', 'copy'])
  assert.deepEqual(after(8), ['splice', 'sendfile'])
  assert.deepEqual(after(60), ['sendfile'])
})

test('what was hardly looked at stays, however dear it seemed', () => {
  const entries = [entry('sendfile', 100, 60), entry('splice', 5000, 1), entry('copy', 5000, 60)]
  assert.deepEqual(namesOf(inQuestion(contest(entries))), ['sendfile', 'splice'])
})

test('what was not tried is in question only where it is not much dearer elsewhere', () => {
  const known = (path: PathName, elsewhereNs: number): Entry => ({ path, ns: [], elsewhereNs })
  const entries = [{ ...entry('sendfile', 100, 60), elsewhereNs: 10 }, known('splice', 14), known('copy', 40)]
  assert.deepEqual(namesOf(inQuestion(contest(entries))), ['sendfile', 'splice'])
})

test('a contest is the more urgent the less is decided and the sooner it is done', () => {
  const tie = (count: number, ms: number): number =>
    urgency(contest([entry('sendfile', 100, count), entry('splice', 100, count)], { ms }))
  assert.ok(tie(4, 1) > tie(8, 1))
  assert.ok(tie(4, 1) > tie(4, 8))
  assert.ok(tie(4, 8) > 0)
})

test('where nothing is open there is no urgency', () => {
  assert.equal(urgency(contest([entry('sendfile', 100, 60), entry('copy', 400, 60)])), 0)
  assert.equal(urgency(contest([entry('sendfile', 100, 1)])), 0)
  assert.equal(urgency(contest([])), 0)
})
