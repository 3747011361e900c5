/**
 * O_NONBLOCK is the open file's: the caller's descriptor has it too, and so have other transfers of the same file,
 * such as the two directions of one connection. The first sets it, and the last puts it back.
 */
import type { Native } from '../../native/calls.js'

interface Use {
  count: number
  /** Whether it was off before the first. */
  readonly changed: boolean
}

const O_ACCMODE = 3
const stat = new Float64Array(8)
/** By open file, as far as that can be told: the two ends of a pipe have one inode, and differ in their mode. */
const uses = new Map<string, Use>()

/** → what ends this use of the descriptor, which must still be open then. Doing so again does nothing. */
export function unblockShared(native: Native, fd: number): () => void {
  const key = keyOf(native, fd)
  const use = uses.get(key) ?? { count: 0, changed: native.setNonBlocking(fd, 1) === 1 }
  use.count++
  uses.set(key, use)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    if (--use.count > 0) return
    uses.delete(key)
    if (use.changed) native.setNonBlocking(fd, 0)
  }
}

function keyOf(native: Native, fd: number): string {
  native.fstat(fd, stat)
  return `${stat[5]}:${stat[4]}:${native.fcntl(fd, native.F_GETFL, 0) & O_ACCMODE}`
}
