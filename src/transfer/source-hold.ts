/**
 * Exclusive use of a socket's descriptor for reading, around Node's stream. Node stops reading, what it had read
 * before is handed over, and reading is given back at the end, so that Node finds the end of the stream itself.
 */
import type { Socket } from 'node:net'
import { HeldSocket, handleOf } from './held-socket.js'

/** A connected socket, held for reading. */
export class SourceHold extends HeldSocket {
  /** What Node had read already, which comes before all that the descriptor has; null where there is nothing. */
  readonly early: Buffer | null
  /** Whether what arrives went to whoever listens. */
  readonly #flowed: boolean

  constructor(socket: Socket) {
    super(socket)
    this.#flowed = socket.readableFlowing === true
    socket.pause()
    this.early = socket.read() as Buffer | null
    // Reading what is there asks Node for more; this takes it back before the loop gets to it.
    this.#setReading(false)
  }

  override release(): void {
    super.release()
    if (!this.open) return
    // The stream may believe that it reads already, and would not ask for it.
    this.#setReading(true)
    if (this.#flowed) this.socket.resume()
  }

  #setReading(on: boolean): void {
    const handle = handleOf(this.socket)
    if (handle === null) return
    handle.reading = on
    if (on) handle.readStart?.()
    else handle.readStop?.()
  }
}
