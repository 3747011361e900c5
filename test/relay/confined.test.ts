/** `sluice proxy` in a process that a limit or a sandbox confines. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { native } from '#sluice/native/load.js'
import { needsAddon } from '../support/addon.js'
import { type Running, type RunOptions, sluice } from '../support/command.js'
import { without } from '../support/commands.js'
import { eventually, pause } from '../support/eventually.js'
import { underSeccomp } from '../support/seccomp.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { dial, echo, readAll, upstream } from './support.js'

const needsCompiler = native === null ? needsAddon : without('cc')
const word = 'said once'

const shortages = [
  // A connection has two descriptors: with the last one a client is accepted, or an upstream connected to.
  { descriptors: 120, mirrored: false },
  { descriptors: 121, mirrored: false },
  // A mirror needs some more, and may be dropped.
  { descriptors: 120, mirrored: true },
]

for (const { descriptors, mirrored } of shortages) {
  const what = `of ${descriptors} descriptors none is left${mirrored ? ', and there is a mirror' : ''}`
  test(`${what}: clients wait, and no upstream is blamed`, needsAddon, async t => {
    const flags = mirrored ? ['--mirror', `file:${join(temporaryFolder(t), 'mirror')}`] : []
    const launcher = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh']
    const { proxy, address } = await startProxy(t, { launcher }, flags)
    const clients = []
    for (let count = 0; count < descriptors; count++) clients.push(await dial(t, { address }))
    const answers = clients.map(readAll)
    for (const client of clients) client.write(word)
    await eventually(
      () => readdirSync(`/proc/${proxy.pid}/fd`).length >= descriptors,
      () => 'there are always descriptors',
    )
    // For longer than an upstream is tried that does not answer.
    await pause(1000)
    for (const client of clients) client.end()
    for (const answer of answers) assert.equal(String(await answer), word)
    const { code, stderr } = await proxy.stop()
    assert.deepEqual([code, stderr], [0, ''])
  })
}

for (const kind of ['a file', 'a connection'] as const) {
  test(
    `of 120 descriptors none is left: a mirror that is waited for, ${kind}, has every byte`,
    needsAddon,
    async t => {
      const folder = temporaryFolder(t)
      const heard: Promise<Buffer>[] = []
      const listening = await upstream(t, socket => {
        heard.push(readAll(socket))
        socket.once('end', () => socket.end())
      })
      const to = kind === 'a file' ? `file:${join(folder, 'mirror')}` : `tcp:${listening}`
      const launcher = ['sh', '-c', 'ulimit -n 120; exec "$@"', 'sh']
      const flags = ['--mirror', to, '--mirror-slow', 'wait']
      const { proxy, address } = await startProxy(t, { launcher }, flags)
      // All are there at once: none may have what another needs to go on.
      proxy.process.kill('SIGSTOP')
      const clients = await Promise.all(Array.from({ length: 120 }, () => dial(t, { address })))
      proxy.process.kill('SIGCONT')
      const answers = clients.map(readAll)
      const sent = clients.map((_, index) => randomBytes(20_000 + index))
      for (const [index, client] of clients.entries()) client.write(sent[index]!)
      await eventually(
        () => readdirSync(`/proc/${proxy.pid}/fd`).length >= 115,
        () => 'there are always descriptors',
      )
      await pause(300)
      for (const client of clients) client.end()
      for (const [index, answer] of answers.entries()) assert.ok((await answer).equals(sent[index]!))
      const { code, stderr } = await proxy.stop()
      assert.deepEqual([code, stderr], [0, ''])
      const files = readdirSync(folder).map(name => readFileSync(join(folder, name)))
      const mirrored = kind === 'a file' ? files : await Promise.all(heard)
      assert.deepEqual(mirrored.map(String).sort(), sent.map(String).sort())
    },
  )
}

for (const call of ['splice', 'tee']) {
  test(
    `where a sandbox refuses ${call}, connections and their mirrors are copied`,
    needsCompiler,
    async t => {
      const path = join(temporaryFolder(t), 'mirror')
      const launcher = underSeccomp(t, { action: 'EPERM', calls: [call] })
      const { proxy, address } = await startProxy(t, { launcher }, [
        '--mirror',
        `file:${path}`,
        '--mirror-slow',
        'wait',
      ])
      const sent = randomBytes(300_000)
      const client = await dial(t, { address })
      const answer = readAll(client)
      client.end(sent)
      assert.ok((await answer).equals(sent))
      assert.equal((await proxy.stop()).code, 0)
      assert.ok(readFileSync(path).equals(sent))
    },
  )
}

/** In front of an upstream that says everything back. */
async function startProxy(
  t: Ending,
  options: RunOptions,
  flags: readonly string[] = [],
): Promise<{ proxy: Running; address: { address: string; port: number; family: 'ipv4' } }> {
  const to = await upstream(t, echo)
  const proxy = sluice(['proxy', '--listen', '127.0.0.1:0', '--to', to, ...flags], options)
  t.after(() => proxy.stop('SIGKILL'))
  const port = Number((await proxy.line(/^listening on 127\.0\.0\.1:(\d+)$/m))[1])
  return { proxy, address: { address: '127.0.0.1', port, family: 'ipv4' } }
}
