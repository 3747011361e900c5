/** Runs `sluice` as its users do: a process of its own, watched through what it prints. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { repository } from './repository.js'

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  readonly pid: number
  /** What it printed so far. */
  output(): { stdout: string; stderr: string }
  /** Waits for a line on standard output that matches. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  finished(): Promise<Finished>
  /** Ends it, and waits until it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Finished>
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** The words before the command, such as a program that drops privileges and its options. */
  launcher?: readonly string[]
}

export function run(
  command: string,
  args: readonly string[],
  { env = {}, cwd = repository, launcher = [] }: RunOptions = {},
): Running {
  const [program = command, ...words] = [...launcher, command, ...args]
  const child = spawn(program, words, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as Finished)
  return {
    process: child,
    pid: child.pid!,
    output: () => ({ stdout, stderr }),
    async line(pattern) {
      for (;;) {
        const match = pattern.exec(stdout)
        if (match !== null) return match
        const more = once(child.stdout, 'data').then(() => null)
        const end = await Promise.race([more, ended])
        if (end !== null && !pattern.test(stdout))
          throw new Error(`ended without the line ${pattern}:\n${stdout}${stderr}`)
      }
    },
    finished: () => ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

export function sluice(args: readonly string[], options?: RunOptions): Running {
  return run(process.execPath, [join(repository, 'bin', 'sluice.js'), ...args], options)
}

/** Serves a folder on a port that the kernel picks → the process, and the address it printed. */
export async function serve(
  args: readonly string[],
  options?: RunOptions,
): Promise<Running & { origin: string; port: number }> {
  const running = sluice(['serve', ...args, '--port', '0'], options)
  const match = await running.line(/^listening on (http:\/\/\S+:(\d+)) \(\w+, \d+ threads?\)$/m)
  return { ...running, origin: match[1]!, port: Number(match[2]) }
}
