import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chooseCores } from '../../bench/measure/cores.js'
import { parseOptions } from '../../bench/options.js'
import { describeMachine } from '../../bench/report/machine.js'
import { streamsMarkdown, streamsReport } from '../../bench/report/streams.js'
import type { StreamJobResult, StreamSample } from '../../bench/streams/result.js'
import { runStreamTrial } from '../../bench/streams/run.js'
import { fileBytes, streamTrials } from '../../bench/streams/trial.js'
import { needsAddon } from '../support/addon.js'

const [trial] = streamTrials as [(typeof streamTrials)[number]]
const cores = chooseCores()

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

test('jobs are chosen by name, with either arrow, and the trial has a pace of its own', () => {
  const options = parseOptions(['streams', '--cases', 'file->file,socket → socket'])!
  assert.ok('jobs' in options.trial)
  assert.deepEqual(
    options.trial.jobs.map(({ label }) => label),
    ['socket → socket', 'file → file'],
  )
  assert.equal(options.seconds, trial.pace.seconds)
  assert.throws(() => parseOptions(['streams', '--sizes', '1KiB']), /streams has cases/)
  assert.throws(() => parseOptions(['streams', '--cases', 'file → moon']), /--cases: no file→moon/)
})

test('every job is done by both movers, to the byte, and nothing is left behind', needsAddon, async () => {
  const seen: string[] = []
  const result = await runStreamTrial(
    trial,
    {
      repetitions: 1,
      seconds: 0.05,
      warmupSeconds: 0.01,
      cores,
      onProgress: line => seen.push(line),
    },
    new AbortController().signal,
  )
  assert.equal(seen.length, 2 * trial.jobs.length)
  for (const { label, rows, traffic } of result.jobs) {
    assert.deepEqual(
      rows.map(({ mover, failures }) => [mover, failures]),
      [
        ['sluice', []],
        ['streams', []],
      ],
    )
    for (const { samples } of rows) {
      assert.equal(samples.length, 1, label)
      const { movedBytes, moverCpuNs } = samples[0]!
      assert.ok(movedBytes > 0 && moverCpuNs > 0, label)
      if (traffic.stream !== undefined) assert.equal(movedBytes % fileBytes, 0, label)
    }
  }
  assert.deepEqual(readdirSync(temporary), [])
})

test('the report has a row for each mover, and says whether the target is met', () => {
  const [job] = trial.jobs as [(typeof trial.jobs)[number]]
  const sample = (moverCpuNs: number): StreamSample => ({
    messages: 0,
    bytes: 2e9,
    seconds: 1,
    cpuMs: 0,
    errors: { connect: 0, reset: 0, short: 0, wrong: 0, timeout: 0 },
    latencyUs: { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 },
    movedBytes: 2e9,
    moverCpuNs,
  })
  const measured: StreamJobResult = {
    ...job,
    rows: [
      { mover: 'sluice', samples: [sample(0.3e9), sample(0.4e9), sample(0.5e9)], failures: ['it was reset'] },
      { mover: 'streams', samples: [sample(1.6e9)], failures: [] },
    ],
  }
  const missing: StreamJobResult = {
    ...job,
    label: 'file → file',
    rows: [
      { mover: 'sluice', samples: [], failures: ['no room'] },
      { mover: 'streams', samples: [sample(1e9)], failures: [] },
    ],
  }
  const about = {
    format: 1,
    date: '2026-01-01T00:00:00Z',
    machine: describeMachine(cores),
    options: { repetitions: 3, seconds: 1, warmupSeconds: 1 },
    trial: { name: 'streams', title: 'A title', jobs: [measured, missing] },
  } satisfies Parameters<typeof streamsReport>[0]
  const text = streamsReport(about)
  assert.match(text, /^socket → socket +transfer\(a, b\) +200 ms\/GB +150–250 +2\.00 GB\/s +0\.250$/m)
  assert.match(text, /^socket → socket +a\.pipe\(b\) +800 ms\/GB .* 1\.00$/m)
  assert.match(text, /^socket → socket, CPU: at most 0\.33 of the streams: met 0\.25$/m)
  assert.match(text, /^socket → socket, sluice: failed 1 ×: it was reset$/m)
  assert.match(text, /^file → file +transfer\(a, b\) +failed$/m)
  assert.match(text, /^file → file, CPU: .*: not measured$/m)
  assert.match(streamsMarkdown(about), /^\| socket → socket \| a\.pipe\(b\) \| 800 ms\/GB \|/m)
})
