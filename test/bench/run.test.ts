import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseCores, parseCoreList } from '../../bench/measure/cores.js'
import { createReadStreamPeer } from '../../bench/peers/create-read-stream.js'
import { floor } from '../../bench/peers/floor.js'
import type { Peer } from '../../bench/peers/peer.js'
import { figuresOf } from '../../bench/result.js'
import { runTrial } from '../../bench/run.js'
import type { Trial } from '../../bench/trials.js'
import { ownTemporary, quick } from './support.js'

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

const options = { ...quick, repetitions: 2 }

const leftBehind = ownTemporary()

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
  assert.deepEqual(leftBehind(), [])
})

test('a case may have its own servers, several times, and a server the cores of all', async () => {
  const file = join(process.env.TMPDIR!, 'cores')
  const everywhere: Peer = {
    name: 'everywhere',
    setup: '',
    allCores: true,
    find() {
      const found = floor.find()
      if ('missing' in found) return found
      const command: typeof found.command = async site => {
        const { argv } = await found.command(site)
        const script = `grep ^Cpus_allowed_list /proc/self/status > '${file}'; exec "$@"`
        return { argv: ['sh', '-c', script, 'sh', ...argv] }
      }
      return { version: '1', command }
    },
  }
  const [only] = trial.cases
  const chosen: Trial = {
    ...trial,
    cases: [{ ...only!, peers: ['floor', 'everywhere'], samples: 2 }],
    peers: [floor, createReadStreamPeer, everywhere],
  }
  const seen: string[] = []
  const onProgress = (line: string) => void seen.push(line)
  const once = { ...options, repetitions: 1, onProgress }
  const { cases } = await runTrial(chosen, once, new AbortController().signal)
  assert.deepEqual(seen, [
    '1/1 10 kB floor',
    '1/1 10 kB everywhere',
    '1/1 10 kB everywhere',
    '1/1 10 kB floor',
  ])
  assert.deepEqual(
    cases[0]!.rows.map(({ peer, samples, failures }) => [peer, samples.length, failures]),
    [
      ['floor', 2, []],
      ['everywhere', 2, []],
    ],
  )
  const { server, client } = chooseCores()
  const cores = readFileSync(file, 'latin1')
  rmSync(file)
  assert.deepEqual(parseCoreList(cores.split(':')[1]!.trim()), [...new Set([server, client])])
})

test('an interrupt ends the run with its reason and leaves no file', async () => {
  const interrupt = new AbortController()
  let steps = 0
  const onProgress = () => {
    if (++steps === 2) setTimeout(() => interrupt.abort(new Error('enough')), 30)
  }
  const run = runTrial(trial, { ...options, repetitions: 1000, onProgress }, interrupt.signal)
  await assert.rejects(run, { message: 'enough' })
  assert.deepEqual(leftBehind(), [])
})

test('a trial without any server that can run is refused', async () => {
  const nobody = { ...trial, peers: [absent] }
  await assert.rejects(runTrial(nobody, options, new AbortController().signal), { name: 'BenchError' })
})
