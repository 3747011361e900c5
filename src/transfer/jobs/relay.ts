/**
 * Stream to stream: everything that arrives on one is sent on the other, until the source ends.
 *
 * By splice where both are plain sockets or pipes, else by copying. Neither end is ended or destroyed: what the end
 * of the source means for the sink is for the caller to say. When a relay is cut short, what was on its way is lost.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Readable, Writable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import { native } from '../../native/load.js'
import { Claim } from '../ends/claim.js'
import { holdDescriptor } from '../ends/descriptor-hold.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import { type SinkTarget, type StreamEnd, sinkTarget, sourceTarget } from '../ends/endpoints.js'
import { checkSamePipe } from '../ends/same-pipe.js'
import { holdSocket, type SocketHold } from '../ends/socket-hold.js'
import { DescriptorSource, type HeldSource, SourceHold } from '../ends/source-hold.js'
import { useSource } from '../ends/source-use.js'
import { watchLimits } from '../interrupt.js'
import { Interruption } from '../interruption.js'
import { PathRefused } from '../paths/path-refused.js'
import { sharedPipes } from '../pipe-pool.js'
import type { Plan } from '../plan/path.js'
import { planRelay } from '../plan/plan-relay.js'
import type { TransferOptions, TransferResult } from './job.js'
import { copyAll } from './stream-copy.js'
import { type SpliceEnd, spliceAll } from './stream-splice.js'

export async function relay(
  from: StreamEnd,
  to: StreamEnd,
  options: TransferOptions,
): Promise<TransferResult> {
  const source = sourceTarget(from)
  const sink = sinkTarget(to)
  if (native !== null) checkSamePipe(native, source, sink)
  const release = useSource(source)
  try {
    return await new Relay(source, sink, options).run()
  } finally {
    release()
  }
}

class Relay {
  readonly #from: Readable | number
  readonly #to: SinkTarget
  readonly #options: TransferOptions
  readonly #began = performance.now()
  readonly #interruption = new Interruption()
  #plan: Plan
  #claim!: Claim
  /** Where the source is a descriptor: a duplicate, from the beginning to the end. */
  #descriptor: DescriptorSource | null = null

  constructor(from: Readable | number, to: SinkTarget, options: TransferOptions) {
    this.#from = from
    this.#to = to
    this.#options = options
    this.#plan = planRelay(from, to, options)
  }

  async run(): Promise<TransferResult> {
    this.#claim = new Claim(this.#to)
    const stopLimits = watchLimits(this.#options, error => this.#interruption.raise(error))
    try {
      if (typeof this.#from === 'number' && native !== null)
        this.#descriptor = new DescriptorSource(native, this.#from)
      const { turn } = this.#claim
      await this.#interruption.or(new Promise<void>(resolve => turn.whenCome(resolve)))
      const { error, sentBytes, copiedBytes } = await this.#move()
      if (error !== null) {
        if (error instanceof SluiceError) error.bytes = sentBytes
        throw error
      }
      const { path, why } = this.#plan
      return { bytes: sentBytes, path, why, copied: copiedBytes, ms: performance.now() - this.#began }
    } finally {
      stopLimits()
      this.#descriptor?.release()
      this.#claim.end()
    }
  }

  async #move(): Promise<SpliceEnd> {
    if (this.#plan.path === 'copy') return await this.#copy(noneSent)
    const spliced = await this.#splice()
    if (!(spliced.error instanceof PathRefused)) return spliced
    const refusal = `splice is refused here (${spliced.error.message})`
    this.#plan = planRelay(this.#from, this.#to, this.#options, refusal)
    return await this.#copy(spliced)
  }

  async #splice(): Promise<SpliceEnd> {
    let source: HeldSource | null = null
    let sink: SocketHold | null = null
    let sentBytes = 0
    try {
      // Held before it is waited for the sink, so that Node reads nothing of it meanwhile.
      source = this.#descriptor ?? new SourceHold(this.#from as Socket)
      sink = await this.#interruption.or(this.#holdSink(), late => late.release())
      const end = await spliceAll({
        from: this.#from,
        to: this.#to,
        source,
        sink,
        onProgress: this.#options.onProgress,
        interruption: this.#interruption,
      })
      sentBytes = end.sentBytes
      return end
    } catch (error) {
      return { ...noneSent, error }
    } finally {
      sink?.release()
      if (source !== this.#descriptor) source?.release(sentBytes)
    }
  }

  async #holdSink(): Promise<SocketHold> {
    if (typeof this.#to === 'number') return holdDescriptor(native!, this.#claim.fd)
    return await holdSocket(this.#to as Socket)
  }

  /** Goes on where another path ended. */
  async #copy({ sentBytes, copiedBytes, left }: SpliceEnd): Promise<SpliceEnd> {
    const { onProgress } = this.#options
    const hold =
      native !== null && typeof this.#to === 'number' ? holdDescriptor(native, this.#claim.fd) : null
    const done = await copyAll({
      from: this.#descriptor?.fd ?? this.#from,
      to: typeof this.#to === 'number' ? new DescriptorStream(this.#claim.fd) : (this.#to as Writable),
      held: left === null ? [] : [{ fd: left.pipe.readFd, bytes: left.bytes }],
      onProgress: onProgress && (bytes => onProgress(sentBytes + bytes)),
      interruption: this.#interruption,
    })
    hold?.release()
    if (left !== null) sharedPipes(native!).give(left.pipe, false)
    return {
      error: done.error,
      sentBytes: sentBytes + done.sentBytes,
      copiedBytes: copiedBytes + done.sentBytes,
      left: null,
    }
  }
}

const noneSent: SpliceEnd = { error: null, sentBytes: 0, copiedBytes: 0, left: null }
