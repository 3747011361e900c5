/**
 * File to file by copy_file_range(2): the kernel copies from page cache to page cache, or has the file system or its
 * server do it. Between different file systems, and into files that are open for appending, it refuses.
 */
import { MiB } from '../../base/units.js'
import type { PiecePath } from './file-piece.js'

export const copyFileRange: PiecePath = {
  syscall: 'copy_file_range',
  pieceBytes: 16 * MiB,
  move: (native, { source, from, sink, to, count }) =>
    native.copyFileRangeOffload(source, from, sink, to, count),
}
