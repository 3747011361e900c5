import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { chooseCores, parseCoreList, pinned } from '../../bench/measure/cores.js'

test('a list of cores may hold single ones and ranges', () => {
  assert.deepEqual(parseCoreList('0-2,5,7-8'), [0, 1, 2, 5, 7, 8])
  assert.deepEqual(parseCoreList('3'), [3])
})

test('a command runs on one core, or on several', () => {
  assert.deepEqual(pinned(1, ['nginx', '-v']), ['taskset', '--cpu-list', '1', 'nginx', '-v'])
  assert.deepEqual(pinned([0, 1], ['nginx']), ['taskset', '--cpu-list', '0,1', 'nginx'])
})

test('servers and load get different cores where there are two', () => {
  const { server, client } = chooseCores()
  assert.equal(server !== client, availableParallelism() > 1)
})
