/** What every server in a comparison provides: whether it can run here, and how it is started. */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'

export interface Peer<Place = Site> {
  /** As `--servers` takes it and the tables show it. */
  name: string
  /** How it is set up, for the reader of the result. */
  setup: string
  /** Whether it runs on the load's core as well, and not only on the server's. */
  allCores?: true
  find(): Found<Place>
}

export type Found<Place = Site> =
  | { version: string; command(site: Place): Command | Promise<Command> }
  /** Why it cannot run here, and what to do about it. */
  | { missing: string }

/** What a server is given. */
export interface Site {
  /** The directory whose files are served, by their names. */
  directory: string
  /** An empty directory of this process alone, removed afterwards. */
  scratch: string
}

/** What a proxy is given. */
export interface RelaySite {
  /** The port on 127.0.0.1 that connections go to. */
  upstream: number
  /** An empty directory of this process alone, removed afterwards. */
  scratch: string
}

export interface Command {
  argv: readonly [string, ...string[]]
  /**
   * Where it listens on 127.0.0.1, if it had to be told. A server without it lets the kernel choose and prints
   * `listening on http://127.0.0.1:PORT`, or the same without `http://`.
   */
  port?: number
}

/** What a command prints when asked for its version, on either stream; null where it cannot be run. */
export function versionOf(command: string, option: string): string | null {
  const { status, stdout, stderr } = spawnSync(command, [option], { encoding: 'utf8' })
  return status === 0 ? (stdout + stderr).trim() : null
}

/** A port that was free a moment ago, for servers that cannot say which one the kernel chose. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}
