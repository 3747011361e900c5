import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { floorRelay } from '../../bench/peers/floor-relay.js'
import type { Peer, RelaySite } from '../../bench/peers/peer.js'
import { pipe } from '../../bench/peers/pipe.js'
import { sluiceProxy } from '../../bench/peers/sluice-proxy.js'
import { relayFigures } from '../../bench/relay/result.js'
import { runRelayTrial } from '../../bench/relay/run.js'
import type { RelayTrial } from '../../bench/relay/trial.js'
import { ownTemporary, quick } from './support.js'

const absent: Peer<RelaySite> = { name: 'absent', setup: '', find: () => ({ missing: 'it was never here' }) }

const corrupting: Peer<RelaySite> = {
  name: 'corrupting',
  setup: '',
  find: () => ({
    version: '1',
    command: ({ upstream }) => ({
      argv: [
        process.execPath,
        fileURLToPath(new URL('fixtures/corrupting-proxy.js', import.meta.url)),
        String(upstream),
      ],
    }),
  }),
}

const trial: RelayTrial = {
  name: 'small',
  title: 'Small',
  pace: { repetitions: 1, seconds: 1, warmupSeconds: 1 },
  proxies: [floorRelay, absent, corrupting, pipe],
  cases: [
    { label: 'bulk', traffic: { kind: 'send', connections: 2 } },
    { label: 'back', traffic: { kind: 'receive', connections: 1 } },
    { label: 'messages', traffic: { kind: 'exchange', connections: 2, bytes: 100 }, turns: 2 },
    { label: 'connections', traffic: { kind: 'connect', connections: 2, bytes: 1024 } },
  ],
  targets: [],
}

const options = quick

const leftBehind = ownTemporary()

test('every proxy is measured in every case, by turns, and one that changes bytes is found out', async () => {
  const seen: string[] = []
  const onProgress = (line: string): void => void seen.push(line)
  const result = await runRelayTrial(trial, { ...options, onProgress }, new AbortController().signal)
  assert.deepEqual(seen.slice(0, 6), [
    '1/1 bulk floor',
    '1/1 bulk corrupting',
    '1/1 bulk a.pipe(b)',
    // It was found out before it had a turn.
    '1/1 bulk floor',
    '1/1 bulk a.pipe(b)',
    '1/1 back corrupting',
  ])
  assert.deepEqual(result.skipped, [{ name: 'absent', reason: 'it was never here' }])
  for (const each of result.cases) {
    const [floorRow, corruptingRow, pipeRow] = each.rows
    for (const row of [floorRow!, pipeRow!]) {
      assert.deepEqual(row.failures, [], `${each.label}, ${row.peer}`)
      assert.equal(row.samples.length, each.turns ?? 1)
      const { cpu, rate } = relayFigures(each, row)!
      assert.ok(cpu.median > 0 && rate.median > 0)
    }
    assert.equal(corruptingRow!.samples.length, 0)
    assert.match(corruptingRow!.failures[0]!, /bytes came back/)
  }
  assert.deepEqual(leftBehind(), [])
})

test('`sluice proxy` is started, measured and ended', async () => {
  const one = { ...trial, proxies: [sluiceProxy], cases: trial.cases.slice(0, 1) }
  const result = await runRelayTrial(one, options, new AbortController().signal)
  assert.deepEqual(result.cases[0]!.rows[0]!.failures, [])
  assert.equal(result.cases[0]!.rows[0]!.samples.length, 1)
})

test('an interrupt ends the run with its reason and leaves no file', async () => {
  const interrupt = new AbortController()
  let steps = 0
  const onProgress = (): void => {
    if (++steps === 2) setTimeout(() => interrupt.abort(new Error('enough')), 30)
  }
  const run = runRelayTrial(trial, { ...options, repetitions: 1000, onProgress }, interrupt.signal)
  await assert.rejects(run, { message: 'enough' })
  assert.deepEqual(leftBehind(), [])
})

test('a trial without any proxy that can run is refused', async () => {
  const nobody = { ...trial, proxies: [absent] }
  await assert.rejects(runRelayTrial(nobody, options, new AbortController().signal), { name: 'BenchError' })
})
