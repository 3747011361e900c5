/** A stream over a socket or a file that is known by its descriptor only, for copying. Does not close the descriptor. */
import { write } from 'node:fs'
import { Writable } from 'node:stream'

/** How long to wait when the socket is full: nothing tells when it is not. */
const retryMs = 2

export class DescriptorStream extends Writable {
  /** Bytes that the kernel took. */
  bytesWritten = 0
  readonly #fd: number
  /** Where in a file the next byte goes; null where the kernel knows. */
  #position: number | null
  /** A thread writes now. */
  #writing = false
  /** Called when no thread does any more. */
  #whenIdle: (() => void) | null = null

  constructor(fd: number, position: number | null = null) {
    super({ highWaterMark: 1 })
    this.#fd = fd
    this.#position = position
  }

  /** Writes no more, and calls back when no thread uses the descriptor: its number may soon be another's. */
  close(callback: () => void): void {
    if (this.closed) callback()
    else this.once('close', callback)
    this.destroy()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.destroyed) return
    this.#writing = true
    write(this.#fd, chunk, 0, chunk.length, this.#position, (error, count) => {
      this.#writing = false
      this.bytesWritten += count
      if (this.#position !== null) this.#position += count
      if (this.#whenIdle !== null) this.#whenIdle()
      else if (error?.code === 'EAGAIN') setTimeout(() => this._write(chunk, _encoding, callback), retryMs)
      else if (error) callback(error)
      else if (count < chunk.length) this._write(chunk.subarray(count), _encoding, callback)
      else callback()
    })
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#writing) this.#whenIdle = () => callback(error)
    else callback(error)
  }
}
