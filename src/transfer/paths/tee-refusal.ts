/** Whether bytes can be duplicated in this process at all: a sandbox may refuse tee(2), or splice(2). */
import { errnoName } from '../../base/errors.js'
import type { Native } from '../../native/calls.js'
import type { Pipe } from '../pipe-pool.js'
import { isForbidden } from './path-refused.js'

/**
 * Why not, or an empty string. It is asked of two empty pipes, before anything is taken from the source: where the calls
 * are allowed each says EAGAIN.
 */
export function teeRefusal(native: Native, from: Pipe, to: Pipe): string {
  const { SPLICE_F_NONBLOCK } = native
  const duplicated = native.tee(from.readFd, to.writeFd, 1, SPLICE_F_NONBLOCK)
  if (isForbidden(duplicated)) return `tee is refused here (${errnoName(duplicated)})`
  const moved = native.splice(from.readFd, null, to.writeFd, null, 1, SPLICE_F_NONBLOCK)
  return isForbidden(moved) ? `splice is refused here (${errnoName(moved)})` : ''
}
