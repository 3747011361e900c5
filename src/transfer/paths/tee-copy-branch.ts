/**
 * From a backlog to what splice(2) cannot write to, by copying: a stream without a socket of its own, or a file that
 * is open for appending.
 */
import { readSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { KiB } from '../../base/units.js'
import { CopyOutput } from './copy-output.js'
import type { Backlog } from './tee-backlog.js'
import type { Branch, BranchEvents } from './tee-branch.js'

const bufferBytes = 128 * KiB

export class CopyBranch implements Branch {
  readonly path = 'copy'
  sentBytes = 0
  readonly #output: CopyOutput
  readonly #backlog: Backlog
  readonly #events: BranchEvents
  /** Used again and again where the stream keeps no bytes. */
  readonly #buffer: Buffer | null
  #writing: Promise<void> | null = null
  #ended = false

  constructor(sink: Writable, backlog: Backlog, events: BranchEvents) {
    this.#output = new CopyOutput(sink)
    this.#backlog = backlog
    this.#events = events
    this.#buffer = this.#output.keepsBytes ? null : Buffer.allocUnsafeSlow(bufferBytes)
  }

  get copiedBytes(): number {
    return this.sentBytes
  }

  get busy(): boolean {
    return this.#writing !== null
  }

  wake(): void {
    if (this.#writing === null && !this.#ended && this.#backlog.bytes > 0) this.#writing = this.#write()
  }

  /** The stream calls back when it has taken the bytes, not before. */
  drain(): void {}

  async end(): Promise<void> {
    this.#ended = true
    this.#output.stop(null)
    await this.#writing
    this.#output.forget()
  }

  async #write(): Promise<void> {
    const backlog = this.#backlog
    try {
      while (backlog.bytes > 0 && !this.#ended) {
        const count = Math.min(backlog.firstBytes, bufferBytes)
        const buffer = this.#buffer ?? Buffer.allocUnsafeSlow(count)
        // What is in the pipe is there: this does not wait.
        const read = readSync(backlog.first.readFd, buffer, 0, count, null)
        backlog.took(read)
        await this.#output.write(buffer.subarray(0, read))
        this.sentBytes += read
        if (!this.#ended) this.#events.moved()
      }
      this.#writing = null
      // Not before: the last bytes have gone only now.
      if (!this.#ended) this.#events.moved()
    } catch (error) {
      this.#writing = null
      if (!this.#ended) this.#events.failed(error)
    }
  }
}
