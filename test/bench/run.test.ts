import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chooseCores } from '../../bench/measure/cores.js'
import { createReadStreamPeer } from '../../bench/peers/create-read-stream.js'
import { floor } from '../../bench/peers/floor.js'
import type { Peer } from '../../bench/peers/peer.js'
import { figuresOf } from '../../bench/result.js'
import { type RunOptions, runTrial } from '../../bench/run.js'
import type { Trial } from '../../bench/trials.js'

const absent: Peer = { name: 'absent', setup: '', find: () => ({ missing: 'it was never here' }) }

/** Serves an empty directory, so that it has no right answer. */
const astray: Peer = {
  name: 'astray',
  setup: '',
  find() {
    const found = floor.find()
    if ('missing' in found) return found
    return { version: '1', command: site => found.command({ ...site, directory: site.scratch }) }
  },
}

const trial: Trial = {
  name: 'small',
  title: 'Small',
  cases: [{ label: '10 kB', fileBytes: 10_000, load: { connections: 2 } }],
  peers: [floor, absent, astray, createReadStreamPeer],
  targets: [],
}

const options: RunOptions = {
  repetitions: 2,
  seconds: 0.1,
  warmupSeconds: 0.05,
  cores: chooseCores(),
  onProgress: () => {},
}

const usualTemporary = process.env.TMPDIR
let temporary: string

before(() => {
  temporary = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  process.env.TMPDIR = temporary
})

after(() => {
  if (usualTemporary === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = usualTemporary
  rmSync(temporary, { recursive: true })
})

test('every server is measured in every repetition, and a file behind a wrong name is found out', async () => {
  const seen: string[] = []
  const onProgress = (line: string) => void seen.push(line)
  const result = await runTrial(trial, { ...options, onProgress }, new AbortController().signal)
  assert.deepEqual(seen, [
    '1/2 10 kB floor',
    '1/2 10 kB astray',
    '1/2 10 kB createReadStream',
    '2/2 10 kB astray',
    '2/2 10 kB createReadStream',
    '2/2 10 kB floor',
  ])
  assert.deepEqual(result.skipped, [{ name: 'absent', reason: 'it was never here' }])
  const [floorRow, astrayRow, streamRow] = result.cases[0]!.rows
  for (const row of [floorRow!, streamRow!]) {
    assert.deepEqual(row.failures, [])
    assert.equal(row.samples.length, 2)
    for (const sample of row.samples) {
      assert.equal(sample.bytes, sample.requests * 10_000)
      assert.ok(sample.serverCpuNs > 0)
    }
    assert.ok(figuresOf(row)!.cpuMsPerGigabyte.median > 0)
  }
  assert.equal(astrayRow!.failures.length, 2)
  assert.equal(figuresOf(astrayRow!), null)
  assert.deepEqual(readdirSync(temporary), [])
})

test('an interrupt ends the run with its reason and leaves no file', async () => {
  const interrupt = new AbortController()
  let steps = 0
  const onProgress = () => {
    if (++steps === 2) setTimeout(() => interrupt.abort(new Error('enough')), 30)
  }
  const run = runTrial(trial, { ...options, repetitions: 1000, onProgress }, interrupt.signal)
  await assert.rejects(run, { message: 'enough' })
  assert.deepEqual(readdirSync(temporary), [])
})

test('a trial without any server that can run is refused', async () => {
  const nobody = { ...trial, peers: [absent] }
  await assert.rejects(runTrial(nobody, options, new AbortController().signal), { name: 'BenchError' })
})
