/** Programs of this machine: a test that needs one which is not there says so and is skipped. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * What other programs run in: without a sanitizer that this process may run on. initdb and curl have been seen never to
 * end with one.
 */
export const plainEnvironment = { ...process.env, LD_PRELOAD: '' }

export function without(...names: string[]): { skip: string | false } {
  const missing = names.filter(name => !isCommand(name))
  return { skip: missing.length > 0 && `${missing.join(' and ')} is not installed` }
}

function isCommand(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, name)))
}
