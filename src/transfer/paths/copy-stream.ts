/** Stream to stream by copying: one chunk at a time, the next when the sink has taken the last. */
import type { Readable, Writable } from 'node:stream'
import { closedError } from '../ends/closed.js'
import { endErrorOf } from '../ends/end-error.js'
import type { CopyDone, CopyRun } from './copy.js'
import { CopyOutput } from './copy-output.js'

/** Copies until the source ends; neither stream is ended or destroyed. */
export function copyStream(
  from: Readable,
  sink: Writable,
  onProgress: ((sentBytes: number) => void) | undefined,
): CopyRun {
  const copy = new StreamCopy(from, sink, onProgress)
  return { done: copy.done, interrupt: error => copy.end(error) }
}

class StreamCopy {
  readonly done: Promise<CopyDone>
  readonly #from: Readable
  readonly #output: CopyOutput
  readonly #onProgress: ((sentBytes: number) => void) | undefined
  #sentBytes = 0
  #writing = false
  /** The source has ended; a chunk may still be on its way. */
  #sourceEnded = false
  /** What it has truly ended with: an error, or null. */
  #endError: unknown = null
  #over = false
  #resolve: (done: CopyDone) => void = () => {}

  constructor(from: Readable, sink: Writable, onProgress: ((sentBytes: number) => void) | undefined) {
    this.#from = from
    this.#output = new CopyOutput(sink)
    this.#onProgress = onProgress
    this.done = new Promise(resolve => {
      this.#resolve = resolve
    })
    from.on('data', this.#onData).on('close', this.#onClose).on('error', this.#onError)
    // Before anybody who may close it: then nobody could tell any more how it has ended.
    from.prependListener('end', this.#onEnd)
    // A stream that is over says no more.
    if (from.readableEnded) this.end(endErrorOf(from))
    else if (from.destroyed) this.end(closedError(from))
    else from.resume()
  }

  /** Ends the copy; `error` is null where the source has ended in order. */
  end(error: unknown): void {
    if (this.#over) return
    this.#over = true
    const from = this.#from
    from
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onError)
    if (error !== null) from.pause()
    this.#output.stop(error)
    this.#output.forget()
    // Of a copy that is cut short, too, what the stream has taken goes out.
    this.#resolve({ error, sentBytes: this.#output.takenBytes })
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#from.pause()
    this.#writing = true
    this.#output.write(chunk).then(
      () => this.#onWritten(chunk.length),
      error => this.end(error),
    )
  }

  #onWritten(bytes: number): void {
    this.#writing = false
    this.#sentBytes += bytes
    try {
      this.#onProgress?.(this.#sentBytes)
    } catch (error) {
      return this.end(error)
    }
    // What onProgress did may have ended it: what comes then is not for this copy.
    if (this.#over) return
    if (this.#sourceEnded) this.end(this.#endError)
    else this.#from.resume()
  }

  readonly #onEnd = (): void => {
    this.#sourceEnded = true
    this.#endError = endErrorOf(this.#from)
    if (!this.#writing) this.end(this.#endError)
  }

  readonly #onClose = (): void => {
    if (!this.#sourceEnded) this.end(closedError(this.#from))
  }

  readonly #onError = (error: Error): void => this.end(closedError(this.#from, error))
}
