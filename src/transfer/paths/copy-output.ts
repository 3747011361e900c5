/** The stream that a copy writes to, and what ends the copy before its time: the stream's closing, or an interruption. */
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { closedError } from '../ends/closed.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import { HoldStream } from '../ends/hold-stream.js'

export class CopyOutput {
  /** Whether the stream may refer to bytes after it has taken them: only of sockets it is known that they do not. */
  readonly keepsBytes: boolean
  /** Bytes that the stream took. */
  takenBytes = 0
  readonly #sink: Writable
  #stopped = false
  #reason: unknown
  /** The two ends of what is waited for: there is one such thing at a time. */
  #resolve: () => void = nothing
  #reject: (error: unknown) => void = nothing

  constructor(sink: Writable) {
    this.#sink = sink
    this.keepsBytes = !writesThrough(sink)
    // A response without a connection drops its write callbacks; and an error that nobody listens to ends the process.
    sink.on('close', this.#onClose)
    sink.on('error', this.#onError)
    if (this.keepsBytes) sink.on('drain', this.#onDrain)
  }

  /**
   * Resolves when a socket has handed the bytes to the kernel, or when another stream wants more. Rejects, once it
   * is awaited, where the stream has closed or the copy was stopped.
   */
  write(bytes: Buffer): Promise<void> {
    const sink = this.#sink
    // Writing to an ended stream would destroy it, with what it still has to send.
    if (sink.destroyed || sink.writableEnded) this.stop(closedError(sink))
    const written = this.#wait()
    if (this.#stopped) return written
    this.takenBytes += bytes.length
    if (!this.keepsBytes) sink.write(bytes, error => (error ? this.#onError(error) : this.#resolve()))
    else if (sink.write(bytes)) this.#resolve()
    return written
  }

  pause(ms: number): Promise<void> {
    const over = this.#wait()
    const timer = setTimeout(this.#resolve, ms)
    over.catch(() => clearTimeout(timer))
    return over
  }

  stop(reason: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#reason = reason
    this.#reject(reason)
  }

  forget(): void {
    this.#sink.off('close', this.#onClose)
    this.#sink.off('error', this.#onError)
    this.#sink.off('drain', this.#onDrain)
  }

  #wait(): Promise<void> {
    const wait = new Promise<void>((resolve, reject) => {
      if (this.#stopped) return reject(this.#reason)
      this.#resolve = resolve
      this.#reject = reject
    })
    wait.catch(nothing)
    return wait
  }

  readonly #onClose = (): void => this.stop(closedError(this.#sink))
  readonly #onError = (error: Error): void => this.stop(closedError(this.#sink, error))
  readonly #onDrain = (): void => this.#resolve()
}

/** Whether the callback of a write says that the kernel has the bytes. A replaced write() may not even call it. */
function writesThrough(sink: Writable): boolean {
  if (sink instanceof ServerResponse) return sink.write === ServerResponse.prototype.write
  return sink instanceof Socket || sink instanceof DescriptorStream || sink instanceof HoldStream
}

function nothing(): void {}
