/** A stream over a sink that is held, for what has to be copied there: it waits for the sink, and does not end it. */
import { Writable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import type { Engine } from '../../engine/engine.js'
import type { Native } from '../../native/calls.js'
import { PathRefused } from '../paths/path-refused.js'
import { WritevFlow } from '../paths/writev.js'
import type { SocketHold } from './socket-hold.js'

export class HoldStream extends Writable {
  /** Bytes that the kernel took. */
  bytesWritten = 0
  readonly #native: Native
  readonly #engine: Engine
  readonly #hold: SocketHold
  #flow: WritevFlow | null = null

  constructor(native: Native, engine: Engine, hold: SocketHold) {
    super({ highWaterMark: 1 })
    this.#native = native
    this.#engine = engine
    this.#hold = hold
    // Who writes is told by the write; an error that nobody listens to would end the process.
    this.on('error', nothing)
  }

  /** Writes no more, and calls back when nothing uses the descriptor. */
  close(callback: () => void): void {
    if (this.closed) callback()
    else this.once('close', callback)
    this.destroy()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#flow = new WritevFlow(this.#native, this.#engine, this.#hold, { views: [chunk] }, undefined, {
      sent: (error, sentBytes) => {
        this.#flow = null
        this.bytesWritten += sentBytes
        callback(asFailure(error))
      },
      released: nothing,
    })
    this.#flow.begin()
  }

  /** What is being written stops at once. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#flow?.interrupt(error ?? new Error('the copy has ended'))
    callback(error)
  }
}

/** There is nothing to fall back on after this. */
function asFailure(error: unknown): Error | null {
  if (!(error instanceof PathRefused)) return error as Error | null
  return new SluiceError('ERR_SLUICE_SYSCALL', `Sending: ${error.message}`)
}

function nothing(): void {}
