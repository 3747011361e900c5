/** Every route in processes that a sandbox, a limit or an ordinary user's rights confine. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { without } from '../support/commands.js'
import { type Filter, underSeccomp } from '../support/seccomp.js'
import type { Confined } from './children/confined.js'
import { routes } from './routes.js'

const program = fileURLToPath(new URL('children/confined.js', import.meta.url))
/** Enough for Node to begin with, and for the pipes that are opened so that there are no more. */
const plentyOfDescriptors = 4000
const few = 200
const needsCompiler = native === null ? needsAddon : without('cc')
/** Limits of memory and pipes are for those without capabilities. */
const ordinary =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'] : []
const needsOrdinary = native === null ? needsAddon : without(...ordinary.slice(0, 1))

/** Without this call there are none of these paths. */
const gone: Record<string, readonly PathName[]> = {
  sendfile: ['sendfile'],
  splice: ['splice', 'tee'],
  tee: ['tee'],
  vmsplice: ['vmsplice'],
}

for (const [call, paths] of Object.entries(gone)) {
  test(`a sandbox that refuses ${call}`, needsCompiler, async t => {
    const lines = await refused(t, { action: 'EPERM', calls: [call] }, paths)
    for (const { name, prefer, why } of lines) {
      // What has no descriptor cannot go that way anyhow, and of a list the largest part speaks.
      if (paths.includes(prefer) && !/^(bytes|list) /.test(name))
        assert.match(why, /is refused here \(EPERM\)/, name)
    }
  })
}

test('a sandbox that hides everything that moves bytes', needsCompiler, async t => {
  const calls = [...Object.keys(gone), 'copy_file_range', 'io_uring_setup', 'memfd_create', 'openat2']
  await refused(t, { action: 'ENOSYS', calls }, [...Object.values(gone).flat(), 'copy_file_range'])
})

test("a user's pages for pipes are used up", needsOrdinary, async () => {
  const lines = await confined([...limit('n', plentyOfDescriptors), ...ordinary], 'pipes')
  assert.ok(lines.some(({ path }) => path === 'splice'))
  assert.ok(lines.some(({ path }) => path === 'tee'))
})

test('no memory may be locked', needsOrdinary, async () => {
  await confined([...limit('l', 0), ...ordinary])
})

test('no descriptors are left, or a few', needsAddon, async () => {
  const lines = await confined(limit('n', few), 'descriptors')
  assert.ok(lines.some(({ path }) => path === null))
})

async function refused(t: TestContext, filter: Filter, paths: readonly PathName[]): Promise<Confined[]> {
  const lines = await confined(underSeccomp(t, filter))
  for (const { name, path, why } of lines) {
    assert.ok(path !== null && !paths.includes(path), `${name} took ${path}: ${why}`)
  }
  return lines
}

/** Runs the program by the launcher; every route must do well there → what it printed. */
async function confined(launcher: readonly string[], ...args: string[]): Promise<Confined[]> {
  // It is run as a program: else it would speak to this test's runner.
  const env = { NODE_TEST_CONTEXT: '' }
  const { code, stdout, stderr } = await run(process.execPath, [program, ...args], {
    launcher,
    env,
  }).finished()
  assert.equal(code, 0, stdout + stderr)
  const lines = stdout.split('\n').filter(line => line.startsWith('{'))
  const all = lines.map(line => JSON.parse(line) as Confined)
  assert.equal(new Set(all.map(({ name }) => name)).size, routes.length)
  return all
}

function limit(what: 'n' | 'l', most: number): string[] {
  return ['sh', '-c', `ulimit -${what} ${most}; exec "$@"`, 'sh']
}
