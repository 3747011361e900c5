import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DoctorReport } from '#sluice/doctor/report.js'
import { needsAddon } from '../support/addon.js'
import { type Running, sluice } from '../support/command.js'
import { eventually } from '../support/eventually.js'
import { temporaryFolder } from '../support/temporary.js'

/** Folders of the test's own for the cache and for temporary files, and the environment that names them. */
function surroundings(t: TestContext) {
  const folder = temporaryFolder(t)
  const temporary = join(folder, 'temporary')
  mkdirSync(temporary)
  const cache = join(folder, 'cache')
  const env = { XDG_CACHE_HOME: cache, TMPDIR: temporary, SLUICE_COSTS: '' }
  return { cache, temporary, env }
}

function childrenOf({ pid }: Running): string[] {
  const path = `/proc/${pid}/task/${pid}/children`
  return existsSync(path) ? readFileSync(path, 'utf8').split(' ').filter(Boolean) : []
}

test(
  'what was measured is printed, stored for this user alone, and in force from then on',
  needsAddon,
  async t => {
    const { cache, temporary, env } = surroundings(t)
    const { code, stdout, stderr } = await sluice(['doctor', '--measure'], { env }).finished()
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^file → tcp +sendfile( +[\d.,]+\*?){5}$/m)
    const [name, ...others] = readdirSync(join(cache, 'sluice'))
    assert.deepEqual(others, [])
    const path = join(cache, 'sluice', name!)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.ok(stdout.endsWith(`\nstored in ${path}\n`))
    assert.deepEqual(readdirSync(temporary), [])
    const report = await sluice(['doctor', '--json'], { env }).finished()
    const { costs } = JSON.parse(report.stdout) as DoctorReport
    assert.deepEqual([costs.origin, costs.path, costs.why], ['measured', path, ''])
  },
)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends it; no process, file or table is left`, needsAddon, async t => {
    const { cache, temporary, env } = surroundings(t)
    const running = sluice(['doctor', '--measure'], { env })
    await eventually(
      () => childrenOf(running).length > 0 && readdirSync(temporary).length > 0,
      () => `it did not begin: ${running.output().stderr}`,
    )
    const children = childrenOf(running)
    const { code, stdout, stderr } = await running.stop(signal)
    assert.deepEqual([code, stdout], [signal === 'SIGINT' ? 130 : 143, ''])
    assert.match(stderr, /^sluice: measuring was interrupted; nothing was stored\n$/)
    assert.deepEqual([readdirSync(temporary), readdirSync(join(cache, 'sluice'))], [[], []])
    assert.ok(children.every(pid => !existsSync(`/proc/${pid}`)))
  })
}

test('the peer process does not outlive a measuring that was killed', needsAddon, async t => {
  const { env } = surroundings(t)
  const running = sluice(['doctor', '--measure'], { env })
  await eventually(
    () => childrenOf(running).length > 0,
    () => 'it did not begin',
  )
  const children = childrenOf(running)
  await running.stop('SIGKILL')
  await eventually(
    () => children.every(pid => !existsSync(`/proc/${pid}`)),
    () => 'the peer process is still there',
  )
})

test('what cannot be stored is not measured, and the error says what to do', needsAddon, async t => {
  const { env } = surroundings(t)
  const run = (more: NodeJS.ProcessEnv) =>
    sluice(['doctor', '--measure'], { env: { ...env, ...more } }).finished()
  const homeless = await run({ XDG_CACHE_HOME: '', HOME: '' })
  assert.equal(homeless.code, 1)
  assert.match(homeless.stderr, /^sluice: The costs cannot be stored: .*Set HOME or XDG_CACHE_HOME.*\n$/)
  const off = await run({ SLUICE_COSTS: 'off' })
  assert.match(off.stderr, /^sluice: The costs cannot be stored: SLUICE_COSTS=off\..*\n$/)
  const file = await run({ XDG_CACHE_HOME: '/dev/null' })
  assert.match(
    file.stderr,
    /^sluice: Storing the costs in \/dev\/null\/sluice\/.*Make the directory writable.*\n$/,
  )
})

test('without the addon it says so', async t => {
  const { env } = surroundings(t)
  const { code, stderr } = await sluice(['doctor', '--measure'], {
    env: { ...env, SLUICE_ADDON: 'off' },
  }).finished()
  assert.equal(code, 1)
  assert.match(stderr, /^sluice: Without the addon every path is copy: SLUICE_ADDON=off.*\n$/)
})
