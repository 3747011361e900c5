/**
 * Memory of a memfd to a socket or pipe by sendfile(2): for the kernel it is a file. Its pages go by reference, so
 * that those that are to be used again are replaced once the kernel has all; see vmsplice.ts.
 */
import type { Engine } from '../../engine/engine.js'
import type { Native } from '../../native/calls.js'
import type { SocketHold } from '../ends/socket-hold.js'
import type { MemoryPieces } from '../memory-pieces.js'
import { lendPages, takePagesBack } from './lending.js'
import { PathRefused } from './path-refused.js'
import type { ReferenceEnds } from './reference-ends.js'
import { SendfileFlow } from './sendfile.js'

export class SendfileMemoryFlow {
  readonly #pieces: MemoryPieces
  readonly #ends: ReferenceEnds
  readonly #flow: SendfileFlow

  /** The pieces must be in a memfd. */
  constructor(
    native: Native,
    engine: Engine,
    hold: SocketHold,
    pieces: MemoryPieces,
    onProgress: ((sentBytes: number) => void) | undefined,
    ends: ReferenceEnds,
  ) {
    this.#pieces = pieces
    this.#ends = ends
    const { fd = -1, offset = 0 } = pieces.region ?? {}
    const range = { fd, start: offset, length: pieces.bytes }
    const sending = { native, engine, hold, range, prefix: null, onProgress }
    this.#flow = new SendfileFlow(sending, (error, sentBytes) => this.#onDone(error, sentBytes))
  }

  /** Sends what goes at once; where that is all, it is sent when this returns, and perhaps released. */
  begin(): void {
    const refusal = lendPages(this.#pieces)
    if (refusal === '') this.#flow.begin()
    else this.#onDone(new PathRefused(`sendfile is refused here (${refusal})`), 0)
  }

  /** Ends the flow from outside; it settles at once, or when a thread that fetches pages from swap is done. */
  interrupt(error: unknown): void {
    this.#flow.interrupt(error)
  }

  #onDone(error: unknown, sentBytes: number): void {
    this.#ends.sent(error, sentBytes)
    takePagesBack(this.#pieces, sentBytes > 0, this.#ends)
  }
}
