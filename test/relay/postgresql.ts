/** A PostgreSQL server of a test's own, on a Unix socket and a port. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { plainEnvironment } from '../support/commands.js'
import { pause } from '../support/eventually.js'
import { deadAddress } from './support.js'

/** Where Debian keeps the programs that are not for everybody, by version. */
const versions = '/usr/lib/postgresql'

/** Where initdb and postgres are; null where they are not. */
export function postgresqlPrograms(): string | null {
  const debian = list(versions).map(version => join(versions, version, 'bin'))
  const folders = [...debian, ...(process.env.PATH ?? '').split(delimiter)]
  return folders.find(folder => list(folder).includes('initdb')) ?? null
}

/** It refuses to run as root, who must have another user for it; null where there is none. */
export function postgresqlUser(): { uid?: number; gid?: number } | null {
  if (process.getuid?.() !== 0) return {}
  try {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }))
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return null
  }
}

export interface PostgresqlServer {
  readonly address: string
  /** The folder of its Unix socket. */
  readonly folder: string
}

export async function postgresql(t: TestContext, programs: string): Promise<PostgresqlServer> {
  const user = postgresqlUser()!
  // Its user must get there, and a socket's path is short.
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pg-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!)
  const data = join(folder, 'data')
  const place = { ...user, cwd: folder, env: plainEnvironment }
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'test', '-A', 'trust', '--no-sync'], {
    ...place,
    stdio: 'pipe',
  })
  const address = await deadAddress()
  const port = address.split(':')[1]!
  const settings = ['fsync=off', 'max_connections=40', 'shared_buffers=16MB', 'listen_addresses=127.0.0.1']
  const args = ['-D', data, '-p', port, '-k', folder, ...settings.flatMap(setting => ['-c', setting])]
  const server = spawn(join(programs, 'postgres'), args, { ...place, stdio: 'ignore' })
  t.after(async () => {
    const ended = once(server, 'exit')
    // Immediate: connections are cut.
    server.kill('SIGQUIT')
    await ended
  })
  const ready = ['-h', '127.0.0.1', '-p', port, '-U', 'test', '-d', 'postgres', '-q']
  while (!succeeds(join(programs, 'pg_isready'), ready) && server.exitCode === null) await pause(50)
  return { address, folder }
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'pipe', env: plainEnvironment })
    return true
  } catch {
    return false
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
