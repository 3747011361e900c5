import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarize } from '../../bench/measure/statistics.js'

test('the median of an odd number of values is the middle one, whatever their order', () => {
  assert.equal(summarize([9, 1, 5]).median, 5)
})

test('the median of an even number of values lies between the two in the middle', () => {
  assert.equal(summarize([4, 1, 2, 3]).median, 2.5)
})

test('quartiles and extremes of five values are the values themselves', () => {
  assert.deepEqual(summarize([50, 10, 40, 20, 30]), {
    count: 5,
    min: 10,
    lower: 20,
    median: 30,
    upper: 40,
    max: 50,
  })
})

test('one value is its own median and has no spread', () => {
  assert.deepEqual(summarize([7]), { count: 1, min: 7, lower: 7, median: 7, upper: 7, max: 7 })
})

test('numbers are ordered as numbers, and the input is left alone', () => {
  const values = [100, 9, 20]
  assert.equal(summarize(values).max, 100)
  assert.deepEqual(values, [100, 9, 20])
})

test('nothing cannot be summarized', () => {
  assert.throws(() => summarize([]), RangeError)
})
