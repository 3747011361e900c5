import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markdownReport } from '../../bench/report/markdown.js'
import { digits } from '../../bench/report/table.js'
import { terminalReport } from '../../bench/report/terminal.js'
import { verdictLines } from '../../bench/report/verdict.js'
import type { BenchResult, RowResult, Sample } from '../../bench/result.js'
import { resultOf } from './support.js'

const noErrors = { connect: 0, reset: 0, short: 0, protocol: 0, status: 0, length: 0, timeout: 0 }

/** One second in which 1 GB was sent, in 1000 requests. */
function sample(serverCpuMs: number, cpuMs = 100): Sample {
  const latencyUs = { p50: 1, p90: 1, p99: 1, p999: 1, max: 1 }
  const load = {
    requests: 1000,
    bytes: 1e9,
    seconds: 1,
    cpuMs,
    reconnects: 0,
    missed: 0,
    errors: noErrors,
    latencyUs,
  }
  return { ...load, serverCpuNs: serverCpuMs * 1e6, serverCpuSource: 'threads' }
}

function row(peer: string, ...samples: Sample[]): RowResult {
  return { peer, samples, failures: [] }
}

function resultWith(rows: RowResult[]): BenchResult {
  return resultOf({
    name: 'http-file',
    title: 'Files',
    peers: rows.map(({ peer }) => ({ name: peer, setup: `how ${peer} runs`, version: '1.2' })),
    skipped: [{ name: 'bun', reason: 'not here' }],
    cases: [{ label: '64 KiB', fileBytes: 65536, load: { connections: 16 }, rows }],
  })
}

const result = resultWith([
  row('sluice', sample(100), sample(120), sample(110)),
  row('nginx', sample(220, 990)),
  { peer: 'send', samples: [], failures: ['it fell', 'it fell'] },
])

test('the table shows medians, spread and the ratio to sluice', () => {
  const lines = terminalReport(result, []).split('\n')
  const cells = (name: string) =>
    lines
      .find(line => line.startsWith(`  ${name} `))!
      .trim()
      .split(/\s+/)
  assert.deepEqual(cells('sluice'), ['sluice', '1.00', '1,000', '110', '100–120', '110', '1.00', '1.00'])
  assert.deepEqual(cells('nginx'), ['nginx', '1.00*', '1,000*', '220', '220–220', '220', '1.00', '2.00'])
  assert.deepEqual(cells('send'), ['send', 'failed'])
})

test('servers that were skipped or failed are told with the reason', () => {
  const report = terminalReport(result, [])
  assert.match(report, /^bun: skipped, not here$/m)
  assert.match(report, /^ {2}send failed 2 ×: it fell$/m)
})

test('the facts about the machine are told', () => {
  const report = terminalReport(result, [])
  assert.match(
    report,
    /System, Linux 6\.1\.0, 2 × Processor, 8 GiB, node 20\.0\.0; own loopback with TCP cubic; servers/,
  )
  assert.match(report, /2026-01-02.*3 × 2 s.*load before 0\.10/)
})

test('Markdown has one table for each size, and no cell that ends early', () => {
  const lines = markdownReport(result).split('\n')
  assert.equal(lines[0], '**64 KiB, 16 connections**')
  assert.ok(lines.includes('| sluice | 1.00 | 1,000 | 110 | 100–120 | 110 | 1.00 | 1.00 |'))
  assert.ok(lines.includes('| nginx | 1.00\\* | 1,000\\* | 220 | 220–220 | 220 | 1.00 | 2.00 |'))
})

test('a target is met up to its limit and missed above it', () => {
  const targets = [
    { case: '64 KiB', against: ['nginx'], atMost: 0.5 },
    { case: '64 KiB', against: ['nginx'], atMost: 0.49 },
  ]
  assert.deepEqual(verdictLines(targets, result.trial), [
    '64 KiB: at most 0.50 of nginx: met 0.50',
    '64 KiB: at most 0.49 of nginx: missed 0.50',
  ])
})

test('among several rivals the cheapest one counts', () => {
  const rivals = resultWith([
    row('sluice', sample(90)),
    row('bun', sample(200)),
    row('bun-routes', sample(100)),
  ])
  const targets = [{ case: '64 KiB', against: ['bun', 'bun-routes'], atMost: 1 }]
  assert.deepEqual(verdictLines(targets, rivals.trial), ['64 KiB: at most 1.00 of bun-routes: met 0.90'])
})

test('a target may be about another than sluice, with sluice as its rival', () => {
  const workers = resultWith([row('sluice', sample(100)), row('sluice-2', sample(110))])
  const targets = [{ case: '64 KiB', of: 'sluice-2', against: ['sluice'], atMost: 2 / 1.7 }]
  assert.deepEqual(verdictLines(targets, workers.trial), [
    '64 KiB: sluice-2 at most 1.18 of sluice: met 1.10',
  ])
})

test('a target without measurements is told as not measured, and one of another size not at all', () => {
  const lines = verdictLines(
    [
      { case: '64 KiB', against: ['bun'], atMost: 1 },
      { case: '1 MiB', against: ['nginx'], atMost: 1 },
    ],
    result.trial,
  )
  assert.deepEqual(lines, ['64 KiB: at most 1.00 of bun: not measured, as there is no rival'])
})

test('numbers have three digits', () => {
  assert.deepEqual([0.1234, 1, 12.34, 999.6, 12345].map(digits), ['0.123', '1.00', '12.3', '1,000', '12,300'])
})
