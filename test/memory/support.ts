/**
 * What several tests of memory need: counting what a process holds, and a process of its own for a program.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { native } from '#sluice/native/load.js'

/** For `skip`: false, or the reason. */
export const needsAddon = native === null && 'there is no addon, so there is no memfd'

/** The same for files, which are copied without it. */
export const needsMapping = native === null && 'there is no addon, so files are copied, not mapped'

/** The lines of /proc/self/maps that belong to memfds of a name. */
export function mappings(name: string): number {
  const lines = readFileSync('/proc/self/maps', 'latin1').split('\n')
  return lines.filter(line => line.includes(`/memfd:${name}`)).length
}

/** The descriptors of this process that are memfds of a name. */
export function descriptors(name: string): number {
  return readdirSync('/proc/self/fd').filter(fd => linkTarget(fd).startsWith(`/memfd:${name}`)).length
}

/** The lines of /proc/self/maps that name a file, or part of its path; all lines for ''. */
export function fileMappings(path: string): number {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter(line => line.includes(path)).length
}

/** The descriptors of this process that are of a file. */
export function fileDescriptors(path: string): number {
  return readdirSync('/proc/self/fd').filter(fd => linkTarget(fd) === path).length
}

function linkTarget(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // It was the listing's own.
  }
}

export interface ChildOptions {
  nodeArguments?: string[]
  programArguments?: string[]
  env?: Record<string, string>
  /** Run by sh, before the program. */
  before?: string
}

/** Runs a program of `children/` to its end. */
export function runChild(name: string, options: ChildOptions = {}) {
  const { nodeArguments = [], programArguments = [], env = {}, before = ':' } = options
  const program = fileURLToPath(new URL(`children/${name}.js`, import.meta.url))
  const command = [
    'sh',
    '-c',
    `${before}; exec "$@"`,
    'sh',
    process.execPath,
    ...nodeArguments,
    program,
    ...programArguments,
  ]
  const { status, signal, stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, signal, stdout, stderr }
}
