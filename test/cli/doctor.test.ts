import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { reportText } from '#sluice/cli/doctor-text.js'
import type { DoctorReport, Technique } from '#sluice/doctor/report.js'
import { sluice } from '../support/command.js'

const technique: Technique = {
  name: 'sendfile',
  status: 'ready',
  reason: 'it works',
  remedy: null,
  proof: 'by reference',
}
const missing: Technique = {
  name: 'tcp_zerocopy_receive',
  status: 'missing',
  reason: `${'because of '.repeat(10)}that`,
  remedy: `${'do this, then '.repeat(10)}that`,
  proof: null,
}
const report: DoctorReport = {
  kernel: '6.1.0',
  arch: 'x64',
  node: 'v20.0.0',
  addon: { loaded: true, reason: null },
  user: { uid: 1000, name: 'someone', capabilities: [], seccomp: true, lockedBytesMax: null },
  engine: { name: 'poll', why: 'the default' },
  costs: { origin: 'built-in', measuredAt: null, path: null, why: 'none has been measured yet' },
  techniques: [technique, missing],
}

test('sluice doctor --json prints the report and succeeds, whatever is missing', async () => {
  const { code, stdout, stderr } = await sluice(['doctor', '--json']).finished()
  assert.deepEqual([code, stderr], [0, ''])
  const { techniques, kernel } = JSON.parse(stdout) as DoctorReport
  assert.equal(techniques.length, 19)
  assert.match(kernel, /^\d/)
})

test('sluice doctor prints every technique, without colours where there is no terminal', async () => {
  const { code, stdout } = await sluice(['doctor']).finished()
  assert.equal(code, 0)
  assert.match(stdout, /^[✓~✗] sendfile /m)
  assert.match(stdout, /^[✓~✗] ktls /m)
  assert.ok(!stdout.includes('\x1b'))
  assert.ok(stdout.split('\n').every(line => line.length <= 80))
})

test('text is wrapped to the width, and the columns stay', () => {
  for (const columns of [60, 80, 120]) {
    const lines = reportText(report, { columns, colour: false }).split('\n')
    assert.deepEqual(
      lines.filter(line => line.length > columns),
      [],
    )
    const first = lines.findIndex(line => line.startsWith('✗ tcp_zerocopy_receive'))
    assert.equal(lines[first]!.indexOf('because'), lines[first + 1]!.search(/\S/))
  }
})

test('colours change nothing but the colour', () => {
  const plain = reportText(report, { columns: 80, colour: false })
  const coloured = reportText(report, { columns: 80, colour: true })
  assert.notEqual(coloured, plain)
  assert.equal(stripVTControlCharacters(coloured), plain)
})

test('the heading says who tried, and what root would add', () => {
  const text = reportText(report, { columns: 120, colour: false })
  assert.match(text, /tried as someone under a seccomp filter; root would add CAP_NET_ADMIN, /)
})

test('the heading says by which costs plans are made, and how old they are', () => {
  const line = (costs: DoctorReport['costs']): string =>
    reportText({ ...report, costs }, { columns: 120, colour: false }).split('\n')[3]!
  assert.match(
    line(report.costs),
    /^costs: built-in figures, as none has .* yet; sluice doctor --measure finds/,
  )
  const measured = (ageMs: number): string =>
    line({
      origin: 'measured',
      measuredAt: new Date(Date.now() - ageMs).toISOString(),
      path: '/c.json',
      why: '',
    })
  assert.equal(measured(0), 'costs: measured on this kernel just now (/c.json)')
  assert.equal(measured(61_000), 'costs: measured on this kernel 1 minute ago (/c.json)')
  assert.equal(measured(3 * 86_400_000 + 1000), 'costs: measured on this kernel 3 days ago (/c.json)')
  assert.equal(measured(-1e9), 'costs: measured on this kernel just now (/c.json)')
})

test('a remedy that several techniques share is said once', () => {
  const shared = { status: 'missing', reason: 'no', remedy: 'build it', proof: null } as const
  const techniques: Technique[] = [
    { ...shared, name: 'tee' },
    { ...shared, name: 'splice' },
  ]
  const text = reportText({ ...report, techniques }, { columns: 80, colour: false })
  assert.match(text, /^✗ tee and 1 more {2}build it$/m)
  assert.equal(text.split('build it').length, 2)
})

test('a machine that can do everything is told nothing to change', () => {
  const text = reportText({ ...report, techniques: [technique] }, { columns: 80, colour: false })
  assert.ok(!text.includes('What would change that'))
})
