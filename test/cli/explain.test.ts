import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ListPlan, Plan } from '#sluice/transfer/plan/path.js'
import { needsAddon } from '../support/addon.js'
import { sluice } from '../support/command.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'

const env = { SLUICE_COSTS: 'off' }

interface Explained {
  from: string[]
  to: string[]
  bytes: number | null
  plan: Plan & Partial<ListPlan>
  costs: { origin: string }
}

async function explain(cwd: string, ...args: string[]): Promise<Explained> {
  const { code, stdout, stderr } = await sluice(['explain', ...args, '--json'], { cwd, env }).finished()
  assert.deepEqual([code, stderr], [0, ''])
  return JSON.parse(stdout) as Explained
}

/** A folder with a file of 5000 bytes. */
function folderWithFile(t: TestContext): string {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'movie.mp4'), Buffer.alloc(5000))
  return folder
}

test('the plan of a file to a connection, with sizes, costs and why not the others', needsAddon, async t => {
  const folder = folderWithFile(t)
  const { from, to, bytes, plan, costs } = await explain(folder, 'movie.mp4', 'tcp:192.0.2.1:80')
  assert.deepEqual(from, ['the file "movie.mp4", of 4.88 KiB'])
  assert.deepEqual(to, ['a TCP connection to 192.0.2.1:80, which is not connected to'])
  assert.equal(bytes, 5000)
  assert.equal(plan.path, 'sendfile')
  assert.ok(plan.rejected.some(({ path }) => path === 'copy'))
  assert.ok(Number.isFinite(plan.expected.nsPerCall))
  assert.equal(costs.origin, 'built-in')
})

test('every pair of words has a plan, and nothing is created', needsAddon, async t => {
  const folder = folderWithFile(t)
  const words = [
    'movie.mp4',
    'file:movie.mp4',
    'tcp:[::1]:9',
    'unix:/no/such',
    'pipe:out',
    'memory:64KiB',
    'lease:4096',
    '-',
  ]
  const sinks = ['copy.bin', 'tcp:b:1', 'unix:x', 'pipe:y', '-']
  for (const [i, from] of words.entries()) {
    const to = sinks[i % sinks.length]!
    const { plan } = await explain(folder, from, to, '--prefer', 'copy')
    assert.equal(plan.path, 'copy', `${from} to ${to}`)
  }
  const { to } = await explain(folder, 'tcp:a:1', 'tcp:b:1,tcp:c:1')
  assert.equal(to.length, 2)
  assert.deepEqual(readdirSync(folder), ['movie.mp4'])
})

test('nothing is connected to', async t => {
  const folder = folderWithFile(t)
  const server = createServer(() => assert.fail('it connected'))
  const name = join(folder, 'socket')
  server.listen(name)
  await once(server, 'listening')
  t.after(() => server.close())
  const { plan } = await explain(folder, 'movie.mp4', `unix:${name}`, '--bytes', '1MiB')
  assert.ok(plan.path)
})

test('how many bytes and which path can be asked for', async t => {
  const folder = folderWithFile(t)
  const { bytes, plan } = await explain(
    folder,
    'movie.mp4',
    'copy.bin',
    '--bytes',
    '3GiB',
    '--prefer',
    'copy',
  )
  assert.equal(bytes, 3 * 1024 ** 3)
  assert.deepEqual([plan.path, plan.why], ['copy', 'copying was asked for'])
})

test('for people it is a few lines', async t => {
  const folder = folderWithFile(t)
  const { stdout } = await sluice(['explain', 'movie.mp4', 'copy.bin', '--prefer', 'copy'], {
    cwd: folder,
    env,
  }).finished()
  assert.match(stdout, /^from {2}the file "movie\.mp4", of 4\.88 KiB$/m)
  assert.match(stdout, /^to {4}the file "copy\.bin"$/m)
  assert.match(stdout, /^path {2}copy$/m)
  assert.match(stdout, /^why {3}copying was asked for$/m)
  assert.match(stdout, /^cost {2}.* for 4\.88 KiB: .* a call, .* a KiB$/m)
  assert.match(stdout, /^ {2}reflink +copying was asked for$/m)
  assert.match(stdout, /^costs: built-in figures/m)
  assert.ok(stdout.split('\n').every(line => line.length <= 80))
})

test('a list has a plan of each part, and the whole that of the largest', needsAddon, async t => {
  const folder = folderWithFile(t)
  const args = ['memory:300,movie.mp4,memory:20', 'tcp:192.0.2.1:80']
  const { from, bytes, plan } = await explain(folder, ...args)
  assert.deepEqual(from, ['memory of 300 B', 'the file "movie.mp4", of 4.88 KiB', 'memory of 20 B'])
  assert.equal(bytes, 5320)
  assert.deepEqual(
    [plan.path, ...plan.parts!.map(({ path }) => path)],
    ['sendfile', 'writev', 'sendfile', 'writev'],
  )
  const { stdout } = await sluice(['explain', ...args], { cwd: folder, env }).finished()
  assert.match(stdout, /^from {2}memory of 300 B\n {6}the file .*\n {6}memory of 20 B\nto {4}a TCP/m)
  assert.match(stdout, /^part 2\npath {2}sendfile\nwhy {3}file pages/m)
  assert.ok(stdout.split('\n').every(line => line.length <= 80))
})

test('standard input is what it is: a file, a pipe, a device', t => {
  const folder = folderWithFile(t)
  const is = (redirection: string): string => {
    const script = `"$0" "$1" explain - x --json ${redirection}`
    const command = join(repository, 'bin', 'sluice.js')
    const { stdout } = spawnSync('sh', ['-c', script, process.execPath, command], {
      cwd: folder,
      encoding: 'utf8',
    })
    return (JSON.parse(stdout) as Explained).from[0]!
  }
  assert.equal(is('< movie.mp4'), 'standard input, a file')
  assert.equal(is('< /dev/null'), 'standard input, a device')
})

const wrong: [args: string[], reason: RegExp][] = [
  [['missing', 'x'], /"missing" does not exist/],
  [['.', 'x'], /"\." is a directory/],
  [['tcp:host', 'x'], /"tcp:host" must be tcp:HOST:PORT/],
  [['movie.mp4', 'tcp:host:70000'], /must be tcp:HOST:PORT/],
  [['movie.mp4', 'tcp::80'], /must be tcp:HOST:PORT/],
  [['movie.mp4', 'unix:'], /"unix:" names nothing/],
  [['movie.mp4', 'x,'], /"" names nothing/],
  [['memory:many', 'x'], /memory must be a size.*"many"/],
  [['memory:0', 'x'], /memory must have 1 B to 1 GiB/],
  [['lease:2GiB', 'x'], /memory must have 1 B to 1 GiB/],
  [['movie.mp4', 'memory:5'], /memory is no sink/],
  [['memory:1,movie.mp4', 'x,y'], /cannot be several at once/],
  [['movie.mp4', 'x', '--bytes', '-1'], /--bytes must be a size.*"-1"/],
  [['movie.mp4', 'x', '--bytes', '1e999'], /--bytes must be a size/],
  [['movie.mp4', 'x', '--prefer', 'magic'], /--prefer must be one of .*"magic"/],
]
for (const [args, reason] of wrong) {
  test(`one line says what is wrong: ${args.join(' ')}`, async t => {
    const folder = folderWithFile(t)
    const { code, stdout, stderr } = await sluice(['explain', ...args], { cwd: folder, env }).finished()
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^sluice: [^\n]+\n$/)
    assert.match(stderr, reason)
  })
}

test('help has examples', async () => {
  const { stdout, code } = await sluice(['explain', '--help']).finished()
  assert.equal(code, 0)
  assert.match(stdout, /Examples:\n {2}sluice explain movie\.mp4 tcp:/)
  assert.ok(!existsSync('movie.mp4'))
})
