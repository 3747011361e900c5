/** The doctor in a process of its own, with what that process may do narrowed. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { DoctorReport, Technique, TechniqueName } from '#sluice/doctor/report.js'

const program = fileURLToPath(new URL('children/report.js', import.meta.url))

/** `launcher` are the words before the command, such as a program that drops privileges and its options. */
export function reportUnder(launcher: readonly string[], env: NodeJS.ProcessEnv = {}): DoctorReport {
  const [command = '', ...args] = [...launcher, process.execPath, program]
  const text = execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  return JSON.parse(text) as DoctorReport
}

export function technique({ techniques }: DoctorReport, name: TechniqueName): Technique {
  const found = techniques.find(candidate => candidate.name === name)
  if (found === undefined) throw new Error(`the report has no ${name}`)
  return found
}
