/** Counting what a process holds open. */
import { readdirSync, readlinkSync } from 'node:fs'
import { eventually } from './eventually.js'

/** What the descriptors of this process refer to, as the kernel names it, sorted. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .map(linkTarget)
    .filter(target => target !== null)
    .sort()
}

/** Waits until no more descriptors are open than `before`: closing may happen on a thread. Fails naming those that stay. */
export async function descriptorsBackTo(before: readonly string[]): Promise<void> {
  await eventually(
    () => openDescriptors().length <= before.length,
    () => {
      const left = [...before]
      const added = openDescriptors().filter(target => {
        const index = left.indexOf(target)
        if (index !== -1) left.splice(index, 1)
        return index === -1
      })
      return `descriptors stay open: ${added.join(', ')}`
    },
  )
}

function linkTarget(fd: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return null // It was the listing's own.
  }
}
