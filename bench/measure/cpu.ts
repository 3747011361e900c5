/**
 * The CPU time that a process, all its threads and all its descendants have used, seen from outside.
 *
 * /proc/PID/task/TID/schedstat counts in nanoseconds, but a thread that has ended takes its count along. The sums
 * in /proc/PID/stat keep what ended threads and waited-for children used, but count in ticks. The difference of two
 * readings therefore comes from the threads, unless the sums say that something is missing.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface CpuReading {
  /** Nanoseconds by thread, named `PID/TID`. */
  threads: Map<string, number>
  /** Nanoseconds of all processes and their ended threads and children, to the tick. */
  sumNs: number
  processes: number
}

export interface CpuUsed {
  ns: number
  /** `sums` where threads or processes ended in between and only the coarse count has everything. */
  source: 'threads' | 'sums'
}

/** USER_HZ is 100 on every architecture that Node runs on: time(7), proc(5). */
const tickNs = 1e9 / 100

/** Reads the clocks of a process and its descendants. Throws ENOENT where the process has ended. */
export function readCpu(pid: number): CpuReading {
  const reading: CpuReading = { threads: new Map(), sumNs: statSumNs(pid), processes: 1 }
  addThreads(reading, pid)
  for (const descendant of descendantsOf(pid)) {
    try {
      const sumNs = statSumNs(descendant)
      addThreads(reading, descendant)
      reading.sumNs += sumNs
      reading.processes++
    } catch {
      // It ended just now; what it used is in its parent's sum once that has waited for it.
    }
  }
  return reading
}

/** What was used between two readings of the same process. */
export function cpuBetween(before: CpuReading, after: CpuReading): CpuUsed {
  let threadsNs = 0
  for (const [thread, ns] of after.threads) threadsNs += ns - (before.threads.get(thread) ?? 0)
  const sumNs = after.sumNs - before.sumNs
  // User and system time of every process are each cut down to whole ticks, in both readings.
  const roundingNs = 2 * tickNs * Math.max(before.processes, after.processes)
  return sumNs > threadsNs * 1.01 + roundingNs
    ? { ns: sumNs, source: 'sums' }
    : { ns: threadsNs, source: 'threads' }
}

function addThreads(reading: CpuReading, pid: number): void {
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const schedstat = readIfThere(`/proc/${pid}/task/${tid}/schedstat`)
    if (schedstat !== null) reading.threads.set(`${pid}/${tid}`, Number(schedstat.split(' ')[0]))
  }
}

/** utime, stime, cutime and cstime: fields 14 to 17 of proc_pid_stat(5). */
function statSumNs(pid: number): number {
  const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * tickNs, 0)
}

/** Every process whose line of parents leads to this one. */
function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readIfThere(`/proc/${name}/stat`) : null
    if (stat === null) continue
    const parent = Number(statFields(stat)[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found: number[] = []
  const visit = (parent: number) => {
    for (const child of children.get(parent) ?? []) {
      found.push(child)
      visit(child)
    }
  }
  visit(pid)
  return found
}

/** The fields after the command's name, from the third on: the name itself may hold spaces and parentheses. */
function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
