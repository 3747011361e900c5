/** Where things are: the project's root, what the benchmark builds, and what its set-up brings. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))
/** Compiled C programs, and results that nobody asked to keep. */
export const benchBuild = join(projectRoot, 'build', 'bench')
/** npm packages of rivals: not dependencies of the project. */
export const benchCache = join(projectRoot, '.cache', 'bench')

/** The nearest directory upwards with a package.json: the compiled files lie deeper than the sources. */
function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  const parent = dirname(from)
  if (parent === from) throw new Error('no package.json above the benchmark')
  return findRoot(parent)
}
