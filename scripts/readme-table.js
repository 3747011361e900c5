// Puts the newest result in bench/results into the README: server CPU, medians, and the machine it was measured on.
//   npm run bench -- http-file --save && node scripts/readme-table.js
//   node scripts/readme-table.js --check      exits with 1 where the README has another table
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const block = /<!-- bench:http-file -->\n.*?<!-- \/bench:http-file -->/s

/** The README with the table of the newest result that is kept. */
export function withTable(readme) {
  const results = join(root, 'bench', 'results')
  const newest = readdirSync(results)
    .filter(name => name.startsWith('http-file-'))
    .sort()
    .at(-1)
  const table = tableOf(JSON.parse(readFileSync(join(results, newest), 'utf8')))
  return readme.replace(
    block,
    `<!-- bench:http-file -->\n${table}\n\nRaw: [${newest}](bench/results/${newest})\n<!-- /bench:http-file -->`,
  )
}

function tableOf({ date, machine, options, trial }) {
  const cases = trial.cases
  const head = [
    'server',
    ...cases.map(
      ({ label, fileBytes }) => `${label}, ${perGigabyte(fileBytes) ? 'ms per GB' : 'µs per request'}`,
    ),
  ]
  const rows = trial.peers.map(({ name, version }) => [
    nameOf(name, version),
    ...cases.map(({ fileBytes, rows }) =>
      figure(
        rows.find(row => row.peer === name),
        fileBytes,
      ),
    ),
  ])
  const line = cells => `| ${cells.join(' | ')} |`
  const rule = `| --- |${' --: |'.repeat(cases.length)}`
  const where = `${machine.processors} × ${machine.processor}, Linux ${machine.kernel.split('-')[0]}, TCP ${machine.network.congestionControl}, ${date.slice(0, 10)}; medians of ${options.repetitions} runs.`
  return [line(head), rule, ...rows.map(line), '', where].join('\n')
}

/** With its version, where it has one of its own. */
function nameOf(name, version) {
  return name === 'floor' ? name : `${name} (${version.replace(/ on node.*/, '')})`
}

const perGigabyte = fileBytes => fileBytes >= 1_000_000

function figure(row, fileBytes) {
  if (row === undefined || row.samples.length === 0) return '–'
  const values = row.samples.map(({ serverCpuNs, bytes, requests }) =>
    perGigabyte(fileBytes) ? serverCpuNs / 1e6 / (bytes / 1e9) : serverCpuNs / 1e3 / requests,
  )
  const median = values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
  return median < 100 ? median.toFixed(1) : median.toFixed(0)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'README.md')
  const before = readFileSync(path, 'utf8')
  const after = withTable(before)
  if (!process.argv.includes('--check')) writeFileSync(path, after)
  else if (before !== after) process.exitCode = 1
}
