/**
 * File to file by sharing blocks until one of the files is written: ioctl_ficlonerange(2), on btrfs, XFS, bcachefs
 * and OCFS2. No byte is moved; holes stay holes. The range is made of whole blocks, or ends where the source ends.
 */
import { GiB } from '../../base/units.js'
import type { PiecePath } from './file-piece.js'

export const reflink: PiecePath = {
  syscall: 'ioctl(FICLONERANGE)',
  // Only what describes the blocks is written.
  pieceBytes: 1 * GiB,
  async move(native, { source, from, sink, to, count }) {
    const result = await native.ficloneRangeOffload(source, from, sink, to, count)
    return result === 0 ? count : result
  },
}
