/** Runs a program that makes load and prints one line of JSON. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { BenchError } from '../fail.js'
import { pinned } from './cores.js'

export interface Placing {
  /** The core that it runs on; any where not given. */
  core?: number
  signal?: AbortSignal
}

/** What it printed. Throws a BenchError with its complaint where it fails. */
export async function runGenerator(program: readonly string[], { core, signal }: Placing): Promise<unknown> {
  const [command, ...args] = core === undefined ? program : pinned(core, program)
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' })
  const [output, complaint, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  if (status !== 0) throw new BenchError(`the load generator failed: ${complaint}`)
  return JSON.parse(output)
}

/** `--name value` for those that have a value. */
export function optionArguments(options: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
}
