/** Copying to a mirror: to a connection as the engine finds it ready, to a file on a thread of the pool. */
import { constants } from 'node:os'
import { systemError } from '../base/errors.js'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_PARK, STEP_WAIT, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'
import { DescriptorStream } from '../transfer/ends/descriptor-stream.js'
import { CopyOutput } from '../transfer/paths/copy-output.js'

const { EAGAIN, EINTR } = constants.errno

export interface MirrorWriter {
  /** Resolves when the kernel has the bytes, which must stay as they are until then. One at a time. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the descriptor is not used any more. What is being written then may not get there. */
  end(): Promise<void>
}

export class SocketWriter implements MirrorWriter, Flow {
  readonly fd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  #rest: Uint8Array | null = null
  #resolve: () => void = nothing
  #reject: (error: unknown) => void = nothing
  #ended = false

  constructor(native: Native, engine: Engine, fd: number) {
    this.fd = fd
    this.#native = native
    this.#engine = engine
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#rest = bytes
      this.#resolve = resolve
      this.#reject = reject
      this.#engine.resume(this)
    })
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#engine.forget(this)
    this.#reject(new Error('the connection was over'))
  }

  step(): Step {
    while (this.#rest !== null && !this.#ended) {
      const sent = this.#native.send(this.fd, this.#rest, this.#native.MSG_DONTWAIT)
      if (sent === -EAGAIN) return STEP_WAIT
      if (sent === -EINTR) continue
      if (sent < 0) {
        this.#rest = null
        this.#reject(systemError(sent, 'send', 'Sending to a mirror'))
        return STEP_PARK
      }
      this.#rest = sent === this.#rest.length ? null : this.#rest.subarray(sent)
      if (this.#rest === null) this.#resolve()
    }
    return this.#ended ? STEP_DONE : STEP_PARK
  }
}

export class FileWriter implements MirrorWriter {
  readonly #stream: DescriptorStream
  readonly #output: CopyOutput

  /** `position` of the first byte; null where the kernel knows. */
  constructor(fd: number, position: number | null) {
    this.#stream = new DescriptorStream(fd, position)
    this.#output = new CopyOutput(this.#stream)
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#output.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  async end(): Promise<void> {
    this.#output.stop(new Error('the connection was over'))
    this.#output.forget()
    await new Promise<void>(resolve => this.#stream.close(resolve))
  }
}

function nothing(): void {}
