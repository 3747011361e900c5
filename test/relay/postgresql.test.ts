/** The proxy in front of a real server, as docs/proxy.md shows it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { needsAddon } from '../support/addon.js'
import { plainEnvironment } from '../support/commands.js'
import { temporaryFolder } from '../support/temporary.js'
import { postgresql, postgresqlPrograms, postgresqlUser } from './postgresql.js'
import { openProxy } from './support.js'

const programs = postgresqlPrograms()
const missing =
  programs === null ? 'PostgreSQL is not installed' : 'there is no user that PostgreSQL may run as'
const needs = {
  skip: needsAddon.skip || ((programs === null || postgresqlUser() === null) && missing),
}

async function pgbench(host: string, port: string, ...args: string[]): Promise<string> {
  const connection = ['-h', host, '-p', port, '-U', 'test', ...args, 'postgres']
  const { stdout } = await promisify(execFile)(join(programs!, 'pgbench'), connection, {
    env: plainEnvironment,
  })
  return stdout
}

test(
  'pgbench runs unchanged through the proxy, over TCP and over Unix sockets',
  needs,
  async (t: TestContext) => {
    const server = await postgresql(t, programs!)
    const limited = { address: server.address, connectionsMax: 4 }
    const proxy = await openProxy(t, { upstreams: [limited], balance: 'least-connections', check: true })
    const { port } = proxy.address as { port: number }
    await pgbench('127.0.0.1', String(port), '-i', '-s', '1', '-q')
    const out = await pgbench('127.0.0.1', String(port), '-c', '4', '-j', '2', '-t', '50')
    assert.match(out, /^number of transactions actually processed: 200\/200$/m)
    // Every transaction has a connection of its own, and there are more clients than places. While one of its clients
    // connects, a thread of pgbench does nothing for its others: so each has a thread of its own.
    const anew = await pgbench('127.0.0.1', String(port), '-c', '8', '-j', '8', '-t', '10', '-C', '-S')
    assert.match(anew, /^number of transactions actually processed: 80\/80$/m)
    assert.ok(proxy.counters.queued > 0, 'some had to wait for a place')

    const folder = temporaryFolder(t)
    const socket = join(server.folder, `.s.PGSQL.${server.address.split(':')[1]}`)
    const unix = await openProxy(t, {
      listen: `unix:${join(folder, '.s.PGSQL.5432')}`,
      upstreams: [`unix:${socket}`],
    })
    const local = await pgbench(folder, '5432', '-c', '2', '-t', '50', '-S')
    assert.match(local, /^number of transactions actually processed: 100\/100$/m)
    assert.equal(unix.counters.connectsFailed, 0)
  },
)
