/** The proxy in front of Redis, as docs/proxy.md shows it. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { native } from '#sluice/native/load.js'
import { plainEnvironment, without } from '../support/commands.js'
import { pause } from '../support/eventually.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { deadAddress, dial, openProxy } from './support.js'

const needs = native === null ? { skip: 'there is no addon' } : without('redis-server', 'redis-benchmark')

test('redis-benchmark runs unchanged through the proxy, and its commands are mirrored', needs, async t => {
  const address = await redis(t)
  const folder = temporaryFolder(t)
  const proxy = await openProxy(t, {
    upstreams: [address],
    balance: 'source-hash',
    mirror: { to: `file:${join(folder, 'commands')}`, slow: 'wait' },
  })
  const { port } = proxy.address as { port: number }
  const args = ['-h', '127.0.0.1', '-p', String(port), '-q', '-n', '2000', '-c', '10', '-d', '20000']
  const { stdout } = await promisify(execFile)('redis-benchmark', [...args, '-t', 'set,get,lpush'], {
    env: plainEnvironment,
  })
  for (const command of ['SET', 'GET', 'LPUSH'])
    assert.match(stdout, new RegExp(`${command}: [\\d.]+ requests per second`))
  await proxy.close()
  const commands = readdirSync(folder).map(name => readFileSync(join(folder, name), 'latin1'))
  // It may give up connections of which it needs no more answers; commands that were sent are there all the same.
  assert.ok(commands.reduce((sum, text) => sum + text.split('\r\nSET\r\n').length - 1, 0) >= 2000)
  assert.equal(proxy.counters.mirrorsDropped, 0)
})

/** → its address. */
async function redis(t: Ending): Promise<string> {
  const address = await deadAddress()
  const [host, port] = address.split(':') as [string, string]
  const args = [
    '--port',
    port,
    '--bind',
    host,
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    temporaryFolder(t),
  ]
  const server = spawn('redis-server', args, { stdio: 'ignore', env: plainEnvironment })
  const ended = once(server, 'exit')
  t.after(async () => {
    server.kill('SIGKILL')
    await ended
  })
  const at = { address: { address: host, port: Number(port) } }
  while (server.exitCode === null) {
    try {
      ;(await dial(t, at)).destroy()
      return address
    } catch {
      await pause(20)
    }
  }
  throw new Error('redis-server has ended')
}
