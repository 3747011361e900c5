/** What another process has open: descriptors, pipes, and what is in the pipes. */
import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'

export interface DescriptorCount {
  /** Descriptors of pipes: two for each. */
  readonly pipes: number
  readonly pipeNames: ReadonlySet<string>
  readonly others: number
}

export function countDescriptors(pid: number): DescriptorCount {
  const targets = linksOf(pid).map(([, target]) => target)
  const pipes = targets.filter(isPipe)
  return { pipes: pipes.length, pipeNames: new Set(pipes), others: targets.length - pipes.length }
}

/** Names of the pipes that are not empty, besides those that are known. Reads of them what it finds. */
export function pipesWithBytes(pid: number, known: ReadonlySet<string>): string[] {
  const pipes = new Map(
    linksOf(pid)
      .filter(([, target]) => isPipe(target) && !known.has(target))
      .map(swap),
  )
  return [...pipes].filter(([, fd]) => hasBytes(`/proc/${pid}/fd/${fd}`)).map(([name]) => name)
}

function linksOf(pid: number): [string, string][] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap(fd => {
    try {
      return [[fd, readlinkSync(`${folder}/${fd}`)] as [string, string]]
    } catch {
      return [] // It was closed meanwhile.
    }
  })
}

function isPipe(target: string): boolean {
  return target.startsWith('pipe:')
}

function swap([fd, target]: [string, string]): [string, string] {
  return [target, fd]
}

/** Opening it anew is a reader of its own, proc(5). */
function hasBytes(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return readSync(fd, Buffer.alloc(1)) > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false
    throw error
  } finally {
    closeSync(fd)
  }
}
