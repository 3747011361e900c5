/** What is opened, and how: seen from outside by strace, and by a process without privileges. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run, serve } from '../support/command.js'
import { without } from '../support/commands.js'
import { ask, folderOf, until } from './support.js'

test('HEAD and 304 only look at the file; nothing is opened to be read', without('strace'), async t => {
  const folder = folderOf(t, { 'a.txt': 'a', 'a.txt.gz': 'gz', 'dir/index.html': 'dir' })
  const server = await serve([folder])
  t.after(() => server.stop('SIGKILL'))
  const { port } = server
  const { etag } = (await ask(port, '/a.txt')).headers
  const compressed = await ask(port, '/a.txt', { headers: { 'Accept-Encoding': 'gzip' } })
  const looked = await opensDuring(t, server.pid, async () => {
    assert.equal((await ask(port, '/a.txt', { method: 'HEAD' })).status, 200)
    assert.equal((await ask(port, '/dir/', { method: 'HEAD' })).status, 200)
    assert.equal((await ask(port, '/a.txt', { headers: { 'If-None-Match': etag! } })).status, 304)
    assert.equal((await ask(port, '/a.txt', { headers: { 'If-Modified-Since': later() } })).status, 304)
    const headers = { 'Accept-Encoding': 'gzip', 'If-None-Match': compressed.headers.etag! }
    assert.equal((await ask(port, '/a.txt', { headers })).status, 304)
  })
  assert.ok(looked.length > 0)
  for (const line of looked) assert.match(line, /O_PATH/)
  // The same measurement finds a body that is opened.
  const read = await opensDuring(t, server.pid, async () => {
    assert.equal((await ask(port, '/a.txt', { headers: { 'If-None-Match': '"x"' } })).status, 200)
  })
  assert.ok(read.some(line => !line.includes('O_PATH')))
})

function later(): string {
  return new Date(Date.now() + 60_000).toUTCString()
}

/** The lines that strace writes of what a process opens meanwhile. */
async function opensDuring(t: TestContext, pid: number, body: () => Promise<void>): Promise<string[]> {
  const log = join(folderOf(t, {}), 'strace')
  const strace = run('strace', ['-f', '-p', String(pid), '-e', 'trace=open,openat,openat2', '-o', log])
  await until(() => /attached/.test(strace.output().stderr) || strace.process.exitCode !== null)
  await body()
  await strace.stop('SIGINT')
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter(line => /open/.test(line))
}

test('a file that may not be read is refused, also where it is only looked at', privileges(), async t => {
  const folder = folderOf(t, { 'a.txt': 'secret', 'b.txt': 'b', 'closed/x': 'x' })
  chmodSync(join(folder, 'a.txt'), 0)
  chmodSync(join(folder, 'closed'), 0)
  const child = fileURLToPath(new URL('children/unreadable.js', import.meta.url))
  // The superuser reads everything, unless it is deprived of its capabilities.
  const drop = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : []
  const [command, ...args] = [...drop, process.execPath, child, folder]
  const seen = JSON.parse(execFileSync(command!, args, { encoding: 'utf8' }))
  chmodSync(join(folder, 'closed'), 0o700)
  assert.deepEqual(seen, { statuses: [403, 403, 403, 200, 403], listed: ['closed/', 'b.txt'] })
})

function privileges() {
  return process.getuid?.() === 0 ? without('setpriv') : {}
}
