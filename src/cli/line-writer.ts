/** Lines to a stream whose reader may be slow, or gone: what would pile up is lost, and told of once there is room. */
import type { Writable } from 'node:stream'
import { MiB } from '../base/units.js'

const heldBytesMax = 1 * MiB

export class LineWriter {
  readonly #stream: Writable
  #lost = 0

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /** A whole line, with its end. */
  write(line: string): void {
    if (!this.#stream.writable || this.#stream.writableLength >= heldBytesMax) {
      this.#lost++
      return
    }
    if (this.#lost > 0) this.#stream.write(`lost=${this.#lost}\n`)
    this.#lost = 0
    this.#stream.write(line)
  }
}
