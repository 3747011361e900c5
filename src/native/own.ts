/** Closing descriptors that the addon opened, also when nothing of this program is left to do it. */
import { isMainThread } from 'node:worker_threads'
import { systemError } from '../base/errors.js'
import type { Native } from './calls.js'

/**
 * → what closes the descriptor. A worker that is terminated runs no JavaScript, and the process goes on: there the
 * addon closes it at the latest. Elsewhere the end of the process does.
 *
 * @throws ERR_SLUICE_MEMORY, having closed it
 */
export function closerOf(native: Native, fd: number): () => void {
  if (isMainThread) return () => void native.close(fd)
  const owned = native.ownDescriptor(fd)
  if (typeof owned === 'number') throw systemError(owned, 'malloc', `Keeping descriptor ${fd}`)
  return () => void native.closeOwned(owned)
}
