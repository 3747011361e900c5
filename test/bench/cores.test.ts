import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { chooseCores, parseCoreList } from '../../bench/measure/cores.js'

test('a list of cores may hold single ones and ranges', () => {
  assert.deepEqual(parseCoreList('0-2,5,7-8'), [0, 1, 2, 5, 7, 8])
  assert.deepEqual(parseCoreList('3'), [3])
})

test('servers and load get different cores where there are two', () => {
  const { server, client } = chooseCores()
  assert.equal(server !== client, availableParallelism() > 1)
})
