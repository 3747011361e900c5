import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RelayCaseResult, RelaySample, RelayTrialResult } from '../../bench/relay/result.js'
import { relayFigures } from '../../bench/relay/result.js'
import type { RelayTarget } from '../../bench/relay/trial.js'
import { relayMarkdown, relayReport } from '../../bench/report/relay.js'
import { relayVerdicts } from '../../bench/report/relay-verdict.js'
import { resultOf } from './support.js'

interface Measured {
  proxyCpuMs: number
  /** Of client and upstream together. */
  loadCpuMs?: number
  gigabytes?: number
  p99?: number
}

/** One second, with 1000 messages. */
function sample({ proxyCpuMs, loadCpuMs = 500, gigabytes = 1, p99 = 20 }: Measured): RelaySample {
  return {
    messages: 1000,
    bytes: gigabytes * 1e9,
    seconds: 1,
    cpuMs: loadCpuMs / 2,
    upstreamCpuMs: loadCpuMs / 2,
    errors: { connect: 0, reset: 0, short: 0, wrong: 0, timeout: 0 },
    latencyUs: { p50: 10, p90: 15, p99, p999: 30, max: 40 },
    proxyCpuNs: proxyCpuMs * 1e6,
    proxyCpuSource: 'threads',
  }
}

function rowOf(peer: string, ...measured: Measured[]): RelayCaseResult['rows'][number] {
  return { peer, samples: measured.map(sample), failures: [] }
}

const bulk: RelayCaseResult = {
  label: '1 stream',
  traffic: { kind: 'send', connections: 1 },
  rows: [
    rowOf('sluice', { proxyCpuMs: 150 }, { proxyCpuMs: 170 }, { proxyCpuMs: 160 }),
    rowOf('haproxy', { proxyCpuMs: 240, gigabytes: 1.25, loadCpuMs: 990 }),
    rowOf('haproxy-copy', { proxyCpuMs: 600 }),
    { peer: 'nginx', samples: [], failures: ['it fell', 'it fell'] },
  ],
}

const messages: RelayCaseResult = {
  label: 'messages',
  traffic: { kind: 'exchange', connections: 1, bytes: 64 },
  rows: [rowOf('sluice', { proxyCpuMs: 12 }), rowOf('haproxy-copy', { proxyCpuMs: 10, p99: 25 })],
}

const trial: RelayTrialResult = {
  name: 'relay',
  title: 'Proxies',
  peers: [{ name: 'sluice', setup: 'as it is', version: '1' }],
  skipped: [{ name: 'floor', reason: 'no compiler' }],
  cases: [bulk, messages],
}

const result = resultOf(trial, { seconds: 1 })

function target(of: Partial<RelayTarget>): RelayTarget {
  return { case: '1 stream', metric: 'cpu', bound: 'most', limit: 1, against: ['haproxy'], ...of }
}

test('bulk is counted by the GB, all else by the message', () => {
  assert.equal(relayFigures(bulk, bulk.rows[0]!)!.cpu.median, 160)
  assert.equal(relayFigures(bulk, bulk.rows[1]!)!.cpu.median, 192)
  assert.equal(relayFigures(bulk, bulk.rows[1]!)!.rate.median, 1.25)
  assert.equal(relayFigures(messages, messages.rows[0]!)!.cpu.median, 12)
  assert.equal(relayFigures(messages, messages.rows[0]!)!.rate.median, 1000)
  assert.equal(relayFigures(bulk, bulk.rows[3]!), null)
})

test('each kind of traffic has its columns', () => {
  const lines = relayReport(result, []).split('\n')
  const after = (label: string): string[][] => {
    const start = lines.indexOf(label) + 1
    return lines.slice(start, start + 3).map(line => line.trim().split(/\s{2,}/))
  }
  assert.deepEqual(after('1 stream'), [
    ['proxy', 'CPU ms/GB', 'min–max', '× sluice', 'GB/s'],
    ['sluice', '160', '150–170', '1.00', '1.00'],
    ['haproxy', '192', '192–192', '1.20', '1.25*'],
  ])
  assert.deepEqual(after('messages').slice(0, 2), [
    ['proxy', 'CPU µs/message', 'min–max', '× sluice', 'messages/s', 'p50 µs', 'p99 µs'],
    ['sluice', '12.0', '12.0–12.0', '1.00', '1,000', '10.0', '20.0'],
  ])
})

test('proxies that were skipped or failed are told with the reason', () => {
  const report = relayReport(result, [])
  assert.match(report, /^floor: skipped, no compiler$/m)
  assert.match(report, /^ {2}nginx failed 2 ×: it fell$/m)
})

test('Markdown has a table for each case, and no asterisk that begins emphasis', () => {
  const lines = relayMarkdown(result).split('\n')
  assert.ok(lines.includes('**1 stream**'))
  assert.ok(lines.includes('| haproxy | 192 | 192–192 | 1.20 | 1.25\\* |'))
})

test('a target is met up to its limit, or down to it', () => {
  const lines = relayVerdicts(
    [
      target({ limit: 0.84 }),
      target({ limit: 0.83 }),
      target({ metric: 'rate', bound: 'least', limit: 0.8 }),
      target({ metric: 'rate', bound: 'least', limit: 0.81 }),
    ],
    trial,
  )
  assert.deepEqual(lines, [
    '1 stream, CPU: at most 0.84 of haproxy: met 0.83',
    '1 stream, CPU: at most 0.83 of haproxy: missed 0.83',
    '1 stream, rate: at least 0.80 of haproxy: met 0.80',
    '1 stream, rate: at least 0.81 of haproxy: missed 0.80',
  ])
})

test('among several rivals the one that is best at it counts', () => {
  const against = ['haproxy-copy', 'haproxy']
  const lines = relayVerdicts(
    [target({ against }), target({ against, metric: 'rate', bound: 'least' })],
    trial,
  )
  assert.deepEqual(lines, [
    '1 stream, CPU: at most 1.00 of haproxy: met 0.83',
    '1 stream, rate: at least 1.00 of haproxy: missed 0.80',
  ])
})

test('latencies are compared by their own figures', () => {
  const lines = relayVerdicts(
    [target({ case: 'messages', metric: 'p99', against: ['haproxy', 'haproxy-copy'] })],
    trial,
  )
  assert.deepEqual(lines, ['messages, p99: at most 1.00 of haproxy-copy: met 0.80'])
})

test('a rate that client and upstream limited for both is said to be', () => {
  const busy = rowOf('sluice', { proxyCpuMs: 100, loadCpuMs: 980 })
  const limited = { ...trial, cases: [{ ...bulk, rows: [busy, bulk.rows[1]!] }] }
  const lines = relayVerdicts([target({ metric: 'rate', bound: 'least', limit: 0.7 })], limited)
  assert.deepEqual(lines, ['1 stream, rate: at least 0.70 of haproxy: met 0.80 (both limited by the load)'])
})

test('a target without measurements is told as not measured, and one of another case not at all', () => {
  const lines = relayVerdicts([target({ against: ['nginx'] }), target({ case: 'another' })], trial)
  assert.deepEqual(lines, ['1 stream, CPU: at most 1.00 of nginx: not measured, as there is no rival'])
})
