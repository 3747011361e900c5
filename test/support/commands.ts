/** Whether a program is on this machine; a test that needs one which is not says so and is skipped. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export function without(...names: string[]): { skip: string | false } {
  const missing = names.filter(name => !isCommand(name))
  return { skip: missing.length > 0 && `${missing.join(' and ')} is not installed` }
}

function isCommand(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, name)))
}
