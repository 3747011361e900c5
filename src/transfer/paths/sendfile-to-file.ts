/**
 * File to file by sendfile(2): the kernel copies through a pipe of its own, also between file systems. It writes
 * where the sink's open file stands, so that must be nobody else's.
 */
import { MiB } from '../../base/units.js'
import type { PiecePath } from './file-piece.js'

export const sendfileToFile: PiecePath = {
  syscall: 'sendfile',
  pieceBytes: 16 * MiB,
  async move(native, { source, from, sink, to, count }) {
    const position = native.lseek(sink, to, native.SEEK_SET)
    return position < 0 ? position : native.sendfileOffload(sink, source, from, count)
  },
}
