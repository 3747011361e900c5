/** The cycles of a process, as perf(1) counts them; many virtual machines have no counter for them. */
import { spawnSync } from 'node:child_process'

export const perfArguments = ['stat', '-x', ',', '-e', 'cycles,task-clock']

/** Why cycles cannot be counted here, or an empty string. */
export function cyclesMissing(): string {
  const { error, stderr } = spawnSync('perf', [...perfArguments, 'true'], { encoding: 'utf8' })
  if (error !== undefined) return 'perf is not installed'
  return cyclesPerNs(stderr) === null ? 'perf has no counter for cycles here' : ''
}

/** From what `perf stat` printed with perfArguments: cycles for each nanosecond, or null where it did not count. */
export function cyclesPerNs(printed: string): number | null {
  const cycles = Number(/^(\d+),[^,]*,cycles/m.exec(printed)?.[1])
  const [, milliseconds, unit] = /^([\d.]+),(msec)?,task-clock/m.exec(printed) ?? []
  const ns = unit === 'msec' ? Number(milliseconds) * 1e6 : Number(milliseconds)
  return cycles > 0 && ns > 0 ? cycles / ns : null
}
