import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseCores } from '../../bench/measure/cores.js'
import { parseOptions } from '../../bench/options.js'
import { describeMachine } from '../../bench/report/machine.js'
import { ringMarkdown, ringReport, verdict } from '../../bench/report/ring.js'
import { cyclesPerNs } from '../../bench/ring/cycles.js'
import type { RingStepResult, RingTrialResult } from '../../bench/ring/result.js'
import { runRingTrial } from '../../bench/ring/run.js'
import { ringTrials } from '../../bench/ring/trial.js'
import { needsRing } from '../ring/support.js'

const [trial] = ringTrials
const machine = describeMachine(chooseCores())

test('the trial is known by its name, has a pace of its own, and runs whole', () => {
  const options = parseOptions(['ring'])!
  assert.equal(options.trial, trial)
  assert.equal(options.seconds, trial!.pace.seconds)
  assert.throws(() => parseOptions(['ring', '--cases', 'send']), /runs whole/)
})

test('every step is measured in a process of its own', needsRing, async () => {
  const seen: string[] = []
  const result = await runRingTrial(
    trial!,
    {
      repetitions: 1,
      seconds: 0.02,
      warmupSeconds: 0.01,
      cores: { server: 0, client: 0 },
      onProgress: line => seen.push(line),
    },
    new AbortController().signal,
  )
  assert.deepEqual(
    result.steps.map(({ name }) => name),
    trial!.steps.map(({ name }) => name),
  )
  for (const { name, ns } of result.steps) assert.ok(ns.length === 1 && ns[0]! > 0, name)
  assert.equal(seen.length, trial!.steps.length)
})

test('cycles are those of the time that perf has counted, where it could', () => {
  assert.equal(
    cyclesPerNs('3000000,,cycles,1000000,100.00,,\n1.50,msec,task-clock,1500000,100.00,0.9,CPUs'),
    2,
  )
  assert.equal(
    cyclesPerNs('3000000,,cycles,1000000,100.00,,\n1500000,,task-clock,1500000,100.00,0.9,CPUs'),
    2,
  )
  assert.equal(cyclesPerNs('<not supported>,,cycles,0,100.00,,\n1.50,msec,task-clock,1500000,100.00,,'), null)
})

test('the report has a row for each step, and says whether the target is met', () => {
  const steps: RingStepResult[] = [
    { name: 'prepare + publish', what: 'one', ns: [19, 20, 30], cyclesPerNs: [2] },
    { name: 'send', what: 'other', ns: [900, 1000, 1100], cyclesPerNs: [] },
  ]
  const target = { step: 'prepare + publish', atMost: 0.1, against: 'send' } as const
  assert.match(verdict(target, steps), /^met: .* 20 ns to 1 µs, 50\.0 times cheaper$/)
  assert.match(verdict({ ...target, atMost: 0.01 }, steps), /^missed: /)
  const result: RingTrialResult = { name: 'ring', title: 'A title', steps, cyclesMissing: 'none here' }
  const about = {
    format: 1,
    date: '2026-01-01T00:00:00Z',
    machine,
    options: { repetitions: 3, seconds: 1, warmupSeconds: 1 },
    trial: result,
  } as const
  const text = ringReport(about, [target])
  assert.match(text, /^prepare \+ publish +20\.0 +19\.0–30\.0 +40\.0 +1\.00 +one$/m)
  assert.match(text, /^send +1,000 .* – +50\.0 +other$/m)
  assert.match(text, /^no cycles: none here$/m)
  assert.match(ringMarkdown(about), /^\| send \| /m)
})
