/** Hot: where received bytes come from: a descriptor, into memory at once, or a stream, to be copied from. */
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { SluiceError, systemError } from '../../base/errors.js'
import { defaultEngine } from '../../engine/default.js'
import type { Engine } from '../../engine/engine.js'
import { type Flow, STEP_DONE, STEP_WAIT_SOURCE, type Step } from '../../engine/flow.js'
import type { Native } from '../../native/calls.js'
import { closedError } from '../ends/closed.js'
import { kindOfDescriptor } from '../ends/sink-kind.js'
import type { HeldSource } from '../ends/source-hold.js'

export interface Inlet {
  /**
   * Puts what is there now into the bytes → how many, 0 at the end, -1 where there is nothing now.
   *
   * @throws what receiving failed with
   */
  fill(bytes: Uint8Array): number
  /** Resolves when it is worth trying again, or when it is interrupted; rejects where the source has failed. */
  ready(): Promise<void>
  /** Ends the wait. */
  interrupt(): void
  /** Gives the source back, with what was not handed out. */
  close(): Promise<void>
}

const { EAGAIN, EINTR } = constants.errno

/** A socket or pipe: recv(2), or read(2) where it is no socket. */
export class DescriptorInlet implements Inlet, Flow {
  /** It is only received from. */
  readonly fd = -1
  readonly sourceFd: number
  queued = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #source: HeldSource
  readonly #isSocket: boolean
  /** How many of the early bytes were handed out. */
  #earlyTaken = 0
  /** The engine watches the descriptor, and steps this when something comes. */
  #watched = false
  #wake: () => void = nothing
  #ended = false

  constructor(native: Native, source: HeldSource) {
    this.#native = native
    this.#engine = defaultEngine()!
    this.#source = source
    this.sourceFd = source.fd
    const kind = kindOfDescriptor(native, source.fd)
    this.#isSocket = kind === 'tcp' || kind === 'unix'
    source.onClose(() => this.#wake())
  }

  fill(bytes: Uint8Array): number {
    const { early } = this.#source
    if (early !== null && this.#earlyTaken < early.length) {
      const part = early.subarray(this.#earlyTaken, this.#earlyTaken + bytes.length)
      bytes.set(part)
      this.#earlyTaken += part.length
      return part.length
    }
    if (this.#source.endError !== null) throw this.#source.endError
    if (!this.#source.open) throw this.#source.whyClosed()
    const native = this.#native
    let count = -EINTR
    while (count === -EINTR) {
      count = this.#isSocket
        ? native.recv(this.sourceFd, bytes, native.MSG_DONTWAIT)
        : native.read(this.sourceFd, bytes)
    }
    if (count > 0) this.#source.touch()
    if (count >= 0) return count
    if (count === -EAGAIN) return -1
    throw systemError(count, this.#isSocket ? 'recv' : 'read', 'Receiving')
  }

  ready(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
      if (!this.#watched) this.#engine.resume(this)
    })
  }

  /** The first step asks for a watch; each one after that says that something came. */
  step(): Step {
    if (this.#ended) return STEP_DONE
    if (this.#watched) this.#wake()
    this.#watched = true
    return STEP_WAIT_SOURCE
  }

  interrupt(): void {
    this.#wake()
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#engine.forget(this, false, this.#source.open)
    this.#source.release(this.#earlyTaken)
  }
}

/** Any readable stream of bytes: what is not handed out stays in it. */
export class StreamInlet implements Inlet {
  readonly #from: Readable
  /** Whether what arrives went to whoever listens. */
  readonly #flowed: boolean
  #wake: () => void = nothing

  constructor(from: Readable) {
    if (from.readableObjectMode || from.readableEncoding !== null)
      throw new SluiceError('ERR_SLUICE_OPTION', 'receive() takes a stream of bytes, not of objects or text')
    this.#from = from
    this.#flowed = from.readableFlowing === true
    for (const event of events) from.on(event, this.#onEvent)
  }

  fill(bytes: Uint8Array): number {
    const from = this.#from
    // Asked for nothing, a stream begins to read.
    const chunk = from.read(Math.min(bytes.length, from.readableLength)) as Buffer | null
    if (chunk !== null) {
      bytes.set(chunk)
      return chunk.length
    }
    if (from.readableEnded) return 0
    if (from.destroyed) throw closedError(from)
    return -1
  }

  ready(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  interrupt(): void {
    this.#wake()
  }

  async close(): Promise<void> {
    for (const event of events) this.#from.off(event, this.#onEvent)
    if (this.#flowed) this.#from.resume()
  }

  readonly #onEvent = (): void => this.#wake()
}

const events = ['readable', 'end', 'close', 'error'] as const

function nothing(): void {}
