/** One core for the server, another for the load: what one of them burns must not slow the other. */
import { readFileSync } from 'node:fs'

export interface Cores {
  server: number
  /** The same as the server's where there is no other. */
  client: number
}

/** The first two cores that this process may use: sched_setaffinity(2), Cpus_allowed_list in proc(5). */
export function chooseCores(): Cores {
  const status = readFileSync('/proc/self/status', 'utf8')
  const [server = 0, client = server] = parseCoreList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0')
  return { server, client }
}

/** A command line that runs another one on one core, or on several: taskset(1), which becomes the command. */
export function pinned(cores: number | readonly number[], command: readonly string[]): [string, ...string[]] {
  return ['taskset', '--cpu-list', String(cores), ...command]
}

/** `0-2,5` → 0, 1, 2, 5. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap(part => {
    const [first = 0, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}
