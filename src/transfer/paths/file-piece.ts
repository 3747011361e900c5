/** What the paths from file to file have in common: the kernel moves one piece, on a thread of the pool. */
import type { Native } from '../../native/calls.js'

/** Bytes of one open file, and where in another they go. */
export interface Piece {
  readonly source: number
  /** First byte in the source. */
  readonly from: number
  readonly sink: number
  /** First byte in the sink. */
  readonly to: number
  /** Number of bytes, at least 1. */
  readonly count: number
}

export interface PiecePath {
  /** The call that moves a piece, for messages. */
  readonly syscall: string
  /** What a piece has at most: between pieces a transfer can be aborted, and tells how far it is. */
  readonly pieceBytes: number
  /** → bytes moved, 0 where the source has no more, or -errno. The descriptors stay open until it resolves. */
  move(native: Native, piece: Piece): Promise<number>
}
