/** A server under measurement: a fresh process of its own group, pinned to its cores, ended without leaving anything. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError, messageOf } from '../fail.js'
import type { Command } from '../peers/peer.js'
import { pinned } from './cores.js'

const startMs = 10_000
/** How long a server may take to end on its own before it is killed. */
const graceMs = 2_000
/** How much of a server's standard error is kept. */
const tailChars = 4_000

export interface Server extends AsyncDisposable {
  pid: number
  port: number
}

/** Starts a server and waits until it accepts connections. Disposing of it ends it and every child it has. */
export async function startServer(
  command: Command,
  cores: number | readonly number[],
  signal: AbortSignal,
): Promise<Server> {
  signal.throwIfAborted()
  const [file, ...args] = pinned(cores, command.argv)
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const complaint = complaintOf(child)
  const closed = new Promise<unknown>(resolve => child.once('close', resolve))
  const kill = () => killGroup(child, 'SIGKILL')
  signal.addEventListener('abort', kill)
  const dispose = async () => {
    await end(child, closed)
    signal.removeEventListener('abort', kill)
  }
  try {
    const timely = AbortSignal.any([signal, AbortSignal.timeout(startMs)])
    const started =
      command.port === undefined ? announcedPort(child, timely) : reachedPort(child, command.port, timely)
    return { pid: child.pid!, port: await started, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    signal.throwIfAborted()
    throw new BenchError(`${command.argv[0]} did not start: ${complaint() || messageOf(error)}`)
  }
}

/** The port of the line `listening on http://127.0.0.1:PORT`, or `listening on 127.0.0.1:PORT`. */
async function announcedPort(child: ChildProcess, signal: AbortSignal): Promise<number> {
  const lines = createInterface({ input: child.stdout!, signal })
  try {
    for await (const line of lines) {
      const port = /^listening on (?:http:\/\/)?[^/]*:(\d+)/.exec(line)?.[1]
      if (port !== undefined) return Number(port)
    }
  } finally {
    child.stdout!.resume()
  }
  throw new Error(signal.aborted ? `nothing announced within ${startMs} ms` : 'it ended without a word')
}

/** The port that it was told to use, once a connection succeeds. */
async function reachedPort(child: ChildProcess, port: number, signal: AbortSignal): Promise<number> {
  child.stdout!.resume()
  for (;;) {
    if (signal.aborted) throw new Error(`port ${port} did not answer within ${startMs} ms`)
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended')
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return port
    } catch {
      await sleep(10)
    } finally {
      socket.destroy()
    }
  }
}

/** `closed` is settled once the process and everybody who holds its streams are gone. */
async function end(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  await Promise.race([closed, sleep(graceMs, undefined, { ref: false })])
  killGroup(child, 'SIGKILL')
  await closed
}

/** Reaches the children that a server has started, too. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // Nobody is left in the group.
  }
}

/** Why a child did not start, from its standard error: the line that begins with an error's name, else the last one. */
function complaintOf(child: ChildProcess): () => string {
  let tail = ''
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-tailChars)
  })
  // A command that cannot be run at all is an event of its own.
  child.on('error', error => {
    tail += messageOf(error)
  })
  return () => {
    const lines = tail.trim().split('\n')
    return (lines.find(line => /^\w*Error\b/.test(line)) ?? lines.at(-1)!).trim()
  }
}
