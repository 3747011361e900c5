/** The benchmark's C programs, compiled when their sources are newer. They need nothing but a C compiler. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BenchError } from './fail.js'
import { benchBuild, projectRoot } from './project.js'

/** Each program by its sources: files, or directories of them. */
const sources = {
  client: 'bench/client',
  floor: 'bench/peers/floor.c',
  'floor-ring': 'bench/peers/floor-ring.c',
  'floor-relay': 'bench/peers/floor-relay.c',
  traffic: ['bench/traffic', 'bench/client/histogram.c', 'bench/client/histogram.h'],
} as const

export type Program = keyof typeof sources

/** Compiles what is missing or old and returns the path. Throws a BenchError with the compiler's words. */
export function compileProgram(program: Program): string {
  const output = join(benchBuild, program)
  const files = [sources[program]].flat().flatMap(path => filesOf(join(projectRoot, path)))
  if (files.every(file => modifiedMs(file) < modifiedMs(output))) return output
  mkdirSync(dirname(output), { recursive: true })
  const compiler = process.env.CC ?? 'cc'
  // Under another name until it is whole: somebody else may be compiling or running it.
  const unfinished = `${output}.${process.pid}`
  const flags = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-o', unfinished]
  const { status, stderr, error } = spawnSync(compiler, [
    ...flags,
    ...files.filter(file => file.endsWith('.c')),
  ])
  if (error)
    throw new BenchError(`${compiler} cannot be run (${error.message}): apt-get install gcc libc6-dev`)
  if (status !== 0) throw new BenchError(`${compiler} could not compile ${program}: ${stderr}`)
  renameSync(unfinished, output)
  return output
}

export function compilePrograms(): void {
  for (const program of Object.keys(sources) as Program[]) compileProgram(program)
}

function filesOf(path: string): string[] {
  return statSync(path).isDirectory() ? readdirSync(path).map(name => join(path, name)) : [path]
}

/** 0 where there is no such file. */
function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
