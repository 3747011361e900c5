/** What a server runs on, and what it says where it cannot run. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createFileServer } from '#sluice/server/index.js'
import { folderOf } from '../http/support.js'
import { needsAddon } from '../support/addon.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { underSeccomp } from '../support/seccomp.js'
import { onEachEngine } from './support.js'

const program = fileURLToPath(new URL('children/engines.js', import.meta.url))

interface Line {
  asked: string
  engine?: string
  missing?: string
  answered?: string
  code?: string
  message?: string
}

/** What the child finds under a filter, engine by engine. */
function engines(launcher: readonly string[], folder: string, env: NodeJS.ProcessEnv = {}): Line[] {
  const [command = '', ...args] = [...launcher, process.execPath, program, folder]
  const text = execFileSync(command, args, {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  })
  return JSON.parse(text)
}

function refusing(t: TestContext, call: string, action: 'EPERM' | 'ENOSYS') {
  return engines(underSeccomp(t, { action, calls: [call] }), folderOf(t, { 'a.txt': 'a' }))
}

for (const [call, action] of [
  ['io_uring_setup', 'EPERM'],
  ['io_uring_setup', 'ENOSYS'],
  ['io_uring_register', 'EPERM'],
] as const) {
  test(`where ${call} gives ${action}, auto is poll with the reason, and ring an error`, needsAddon, t => {
    const [auto, ring, poll] = refusing(t, call, action)
    assert.deepEqual([auto!.engine, auto!.answered, poll!.engine, poll!.answered], ['poll', 'a', 'poll', 'a'])
    assert.match(auto!.missing!, new RegExp(`${call} failed with ${action}: the seccomp filter`))
    assert.equal(ring!.code, 'ERR_SLUICE_RING')
    assert.equal(ring!.message, auto!.missing)
  })
}

test('without the addon each engine is an error that says so', t => {
  for (const { code, message } of engines([], folderOf(t, {}), { SLUICE_ADDON: 'off' })) {
    assert.equal(code, 'ERR_SLUICE_ADDON')
    assert.match(message!, /SLUICE_ADDON=off.*npm run build/)
  }
})

onEachEngine('what it runs on is told', async (t, start) => {
  const { server } = await start(t, folderOf(t, {}), { threads: 2 })
  assert.equal(server.threads, 2)
  assert.ok(t.name.endsWith(`[${server.engine}]`))
  assert.equal(server.engineMissing === '', server.engine === 'ring')
})

onEachEngine(
  'a root that is none, and a port that is taken, are errors that leave nothing open',
  async (t, start) => {
    const folder = folderOf(t, { 'a.txt': 'a' })
    const taken = createServer().listen(0, '127.0.0.1')
    t.after(() => taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const before = openDescriptors()
    await assert.rejects(start(t, join(folder, 'none')), { code: 'ERR_SLUICE_FILE', message: /none.*ENOENT/ })
    await assert.rejects(start(t, join(folder, 'a.txt')), { code: 'ERR_SLUICE_FILE', message: /ENOTDIR/ })
    await assert.rejects(start(t, folder, { port }), { code: 'ERR_SLUICE_LISTEN', message: /EADDRINUSE/ })
    await assert.rejects(start(t, folder, { port, threads: 2 }), { code: 'ERR_SLUICE_LISTEN' })
    await assert.rejects(start(t, folder, { host: 'no.such.host.invalid' }), { code: 'ERR_SLUICE_LISTEN' })
    await descriptorsBackTo(before)
  },
)

for (const [what, options] of Object.entries({
  root: { root: '' },
  port: { port: 70_000 },
  threads: { threads: 0 },
  engine: { engine: 'warp' },
  'a function': { cacheControl: () => 'no-store' },
  connectionsMax: { connectionsMax: 0 },
  cacheBytes: { cacheBytes: 1 },
  cachedFileBytes: { cachedFileBytes: -1 },
  headMs: { headMs: 0 },
  idleMs: { idleMs: '1' },
  stallMs: { stallMs: Number.NaN },
  headBytesMax: { headBytesMax: 1 },
  log: { log: 'file' },
  index: { index: '/etc/passwd' },
})) {
  test(`a wrong option is an error at once: ${what}`, async t => {
    await assert.rejects(createFileServer({ root: folderOf(t, {}), ...options } as never), {
      code: 'ERR_SLUICE_OPTION',
    })
  })
}
