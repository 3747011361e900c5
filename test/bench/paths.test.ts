import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PathSample } from '../../bench/paths/sample.js'
import { pathsMarkdown, pathsReport, pickedRatio } from '../../bench/report/paths.js'
import type { PathCell, PathTrialResult } from '../../bench/result.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { repository } from '../support/repository.js'
import { resultOf } from './support.js'

const met: PathCell = {
  pair: 'file → tcp',
  label: '64 KiB',
  bytes: 65_536,
  paths: [
    { path: 'sendfile', ns: [10_900, 11_000, 50_000] },
    { path: 'splice', ns: [9_000, 10_000, 10_100] },
    { path: 'copy', ns: [40_000] },
  ],
  picked: ['sendfile', 'copy', 'sendfile'],
}
const missed: PathCell = { ...met, label: '1 MiB', bytes: 1_048_576, picked: ['copy'] }
const unmeasured: PathCell = { ...met, pair: 'pipe → pipe', paths: [], picked: [] }

const result = resultOf<PathTrialResult>({
  name: 'paths',
  title: 'Paths',
  atMost: 1.1,
  table: {},
  cells: [met, missed, unmeasured],
  skipped: [{ pair: 'pipe → pipe', path: null, why: 'there are no pipes' }],
})

test('what is picked most often is compared with the best, by medians', () => {
  assert.equal(pickedRatio(met), 1.1)
  assert.equal(pickedRatio(missed), 4)
})

test('each cell has best, picked, ratio and verdict; what was not measured is told', () => {
  const lines = pathsReport(result).split('\n')
  const cells = lines.filter(line => line.startsWith('file → tcp')).map(line => line.split(/ {2,}/))
  assert.deepEqual(cells, [
    ['file → tcp', '64 KiB', 'splice', '10 µs', 'sendfile', '11 µs', '1.10', 'met', 'copy 40 µs'],
    ['file → tcp', '1 MiB', 'splice', '10 µs', 'copy', '40 µs', '4.00', 'missed', 'sendfile 11 µs'],
  ])
  assert.ok(lines.includes('pipe → pipe, every path: not measured, there are no pipes'))
  assert.ok(lines.includes('picked at most 1.10 of the best: 1 of 2 cells met'))
})

test('Markdown has a row for each cell that was measured', () => {
  const rows = pathsMarkdown(result)
    .split('\n')
    .filter(line => line.startsWith('| file → tcp'))
  assert.equal(rows.length, 2)
  assert.equal(
    rows[0],
    '| file → tcp | 64 KiB | splice | 10 µs | sendfile | 11 µs | 1.10 | met | copy 40 µs |',
  )
})

test('a process measures a pair and picks a path for each size', needsAddon, async () => {
  const program = join(repository, 'build', 'dev', 'bench', 'paths', 'sample.js')
  const args = [program, 'memory → unix', '300', '256', '65536']
  const { code, stdout } = await run(process.execPath, args, { env: { SLUICE_COSTS: 'off' } }).finished()
  assert.equal(code, 0)
  const { measured, picked } = JSON.parse(stdout) as PathSample
  assert.equal(measured.costs['memory → unix']!.writev!.length, 2)
  assert.deepEqual(picked, ['writev', 'writev'])
})
