import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { type Experiment, experiments } from '#sluice/measure/experiments.js'
import { measure } from '#sluice/measure/measure.js'
import { addonMissing } from '#sluice/native/load.js'
import { needsAddon } from '../support/addon.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { temporaryFolder } from '../support/temporary.js'

const sizes = [256, 100 * KiB]
const usualTemporary = process.env.TMPDIR
const undo: (() => void)[] = []
let temporary = ''

beforeEach(() => {
  temporary = temporaryFolder({ after: fn => undo.push(fn as () => void) })
  process.env.TMPDIR = temporary
})

afterEach(() => {
  if (usualTemporary === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = usualTemporary
  for (const each of undo.splice(0)) each()
})

function experimentOf(pair: Experiment['pair']): Experiment {
  return experiments.find(each => each.pair === pair)!
}

for (const experiment of experiments) {
  test(`every path of ${experiment.pair} is measured, or it is said why not`, needsAddon, async () => {
    const { costs, skipped } = await measure({ experiments: [experiment], sizes, limitMs: 300 })
    assert.deepEqual(readdirSync(temporary), [])
    const paths = costs[experiment.pair]!
    assert.ok(paths.copy, JSON.stringify(skipped))
    for (const figures of Object.values(paths)) {
      assert.deepEqual(
        figures.map(([bytes]) => bytes),
        sizes,
      )
      assert.ok(figures.every(([, ns]) => Number.isInteger(ns) && ns > 0))
    }
    for (const { pair, path, why } of skipped) {
      assert.equal(pair, experiment.pair)
      assert.ok(path !== null && !(path in paths) && why !== '')
    }
  })
}

test('more bytes cost more', needsAddon, async () => {
  const { costs } = await measure({
    experiments: [experimentOf('file → tcp')],
    sizes: [KiB, 8 * 1024 * KiB],
    limitMs: 1000,
    thorough: true,
  })
  const { sendfile, splice, copy } = costs['file → tcp']!
  for (const figures of [sendfile, splice, copy]) {
    const [small, large] = figures!
    assert.ok(large![1] > 5 * small![1], `${small![1]} ns and ${large![1]} ns`)
  }
})

test('large transfers have a figure for each path, tried or not', needsAddon, async () => {
  const experiment = experimentOf('pipe → pipe')
  const sizes = [1024 * KiB, 5 * 1024 * KiB]
  const { costs } = await measure({ experiments: [experiment], sizes, limitMs: 500 })
  const { splice, copy } = costs['pipe → pipe']!
  assert.deepEqual([splice!.length, copy!.length], [2, 2])
  assert.ok(copy![1]![1] > splice![1]![1])
})

test('what cannot be made ready is left out, and the others are measured', needsAddon, async () => {
  const impossible: Experiment = {
    ...experimentOf('file → unix'),
    drain: () => Promise.reject(new Error('it is not there')),
  }
  const { costs, skipped } = await measure({
    experiments: [impossible, experimentOf('file → tcp')],
    sizes: [256],
    limitMs: 100,
  })
  assert.deepEqual(skipped[0], { pair: 'file → unix', path: null, why: 'it is not there' })
  assert.deepEqual(Object.keys(costs), ['file → tcp'])
})

test('progress goes from nothing to all', needsAddon, async () => {
  const seen: number[] = []
  await measure({
    experiments: [experimentOf('file → tcp')],
    sizes: [256],
    limitMs: 1000,
    onProgress: (done, pair) => {
      assert.equal(pair, 'file → tcp')
      seen.push(done)
    },
  })
  assert.ok(seen.length > 2 && seen[0]! < 0.9)
  assert.ok(seen.every((done, i) => done <= 1 && done >= (seen[i - 1] ?? 0)))
})

test('an interruption ends it at any time, and nothing is left', needsAddon, async () => {
  // What the first transfer opens for good.
  await measure({ experiments: [experimentOf('socket → socket')], sizes: [256], limitMs: 10 })
  const before = openDescriptors()
  for (const afterSteps of [0, 1, 5, 12]) {
    const interrupt = new AbortController()
    let steps = 0
    if (afterSteps === 0) interrupt.abort()
    const measuring = measure({
      experiments: [experimentOf('socket → socket'), experimentOf('file → tcp')],
      sizes: [256, 1024 * KiB],
      signal: interrupt.signal,
      onProgress: () => {
        steps++
        if (steps === afterSteps) interrupt.abort()
      },
    })
    await assert.rejects(measuring, { name: 'AbortError', code: 'ERR_SLUICE_ABORTED' })
    assert.deepEqual(readdirSync(temporary), [])
  }
  await descriptorsBackTo(before)
})

test('without a place for temporary files there is an error with a reason', needsAddon, async () => {
  process.env.TMPDIR = '/nowhere/at/all'
  await assert.rejects(measure(), { code: 'ERR_SLUICE_FILE', message: /\/nowhere\/at\/all.*ENOENT/ })
})

test('without the addon there is nothing to measure', {
  skip: addonMissing === '' && 'there is the addon',
}, async () => {
  await assert.rejects(measure(), { code: 'ERR_SLUICE_ADDON' })
})
