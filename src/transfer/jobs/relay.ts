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
import { defaultEngine } from '../../engine/default.js'
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
import { type SpliceDone, SpliceFlow } from '../paths/splice.js'
import { SpliceDirectFlow } from '../paths/splice-direct.js'
import { type Pipe, sharedPipes } from '../pipe-pool.js'
import type { Plan } from '../plan/path.js'
import { kindOf, planRelay } from '../plan/plan-relay.js'
import type { TransferOptions, TransferResult } from './job.js'
import { copyAll } from './stream-copy.js'

/** How it ended. */
interface RelayDone {
  readonly error: unknown
  readonly sentBytes: number
  readonly copiedBytes: number
  /** With PathRefused: the pipe with what has to be sent next, and how much that is. */
  readonly pipe: Pipe | null
  readonly heldBytes: number
}

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

  async #move(): Promise<RelayDone> {
    if (this.#plan.path === 'copy') return await this.#copy(noneSent)
    const spliced = await this.#splice()
    if (!(spliced.error instanceof PathRefused)) return spliced
    const refusal = `splice is refused here (${spliced.error.message})`
    this.#plan = planRelay(this.#from, this.#to, this.#options, refusal)
    return await this.#copy(spliced)
  }

  async #splice(): Promise<RelayDone> {
    let pipe: Pipe | null = null
    let source: HeldSource | null = null
    let sink: SocketHold | null = null
    let sentBytes = 0
    try {
      const isDirect = kindOf(this.#from) === 'pipe' || kindOf(this.#to) === 'pipe'
      if (!isDirect) pipe = takePipe()
      // Held before it is waited for the sink, so that Node reads nothing of it meanwhile.
      source = this.#descriptor ?? new SourceHold(this.#from as Socket)
      sink = await this.#interruption.or(this.#holdSink(), late => late.release())
      const done = await this.#run(source, sink, pipe)
      sentBytes = done.sentBytes
      // What is still in the pipe is copied next.
      if (done.error instanceof PathRefused && done.heldBytes > 0) pipe = null
      else if (pipe !== null) {
        sharedPipes(native!).give(pipe, done.heldBytes === 0)
        pipe = null
      }
      return done
    } catch (error) {
      return { ...noneSent, error }
    } finally {
      if (pipe !== null) sharedPipes(native!).give(pipe, true)
      sink?.release()
      if (source !== this.#descriptor) source?.release(sentBytes)
    }
  }

  #run(source: HeldSource, sink: SocketHold, pipe: Pipe | null): Promise<RelayDone> {
    const { onProgress } = this.#options
    const early = source.early?.length ?? 0
    return new Promise(resolve => {
      const done: SpliceDone = (error, sentBytes, heldBytes) => {
        const copiedBytes = Math.min(early, sentBytes)
        resolve({ error: error ?? source.endError, sentBytes, copiedBytes, pipe, heldBytes })
      }
      const ends = { source, sink }
      const through = pipe && {
        ...ends,
        pipe,
        pipes: sharedPipes(native!),
        isTcp: kindOf(this.#from) === 'tcp',
      }
      const flow =
        through === null
          ? new SpliceDirectFlow(native!, defaultEngine()!, ends, onProgress, done)
          : new SpliceFlow(native!, defaultEngine()!, through, onProgress, done)
      this.#interruption.pass(error => flow.interrupt(error))
      flow.begin()
    })
  }

  async #holdSink(): Promise<SocketHold> {
    if (typeof this.#to === 'number') return holdDescriptor(native!, this.#claim.fd)
    return await holdSocket(this.#to as Socket)
  }

  /** Goes on where another path ended. */
  async #copy({ sentBytes, copiedBytes, pipe, heldBytes }: RelayDone): Promise<RelayDone> {
    const { onProgress } = this.#options
    const hold =
      native !== null && typeof this.#to === 'number' ? holdDescriptor(native, this.#claim.fd) : null
    const done = await copyAll({
      from: this.#descriptor?.fd ?? this.#from,
      to: typeof this.#to === 'number' ? new DescriptorStream(this.#claim.fd) : (this.#to as Writable),
      held: pipe === null ? [] : [{ fd: pipe.readFd, bytes: heldBytes }],
      onProgress: onProgress && (bytes => onProgress(sentBytes + bytes)),
      interruption: this.#interruption,
    })
    hold?.release()
    if (pipe !== null && heldBytes > 0) pipe.close()
    return {
      error: done.error,
      sentBytes: sentBytes + done.sentBytes,
      copiedBytes: copiedBytes + done.sentBytes,
      pipe: null,
      heldBytes: 0,
    }
  }
}

const noneSent: RelayDone = { error: null, sentBytes: 0, copiedBytes: 0, pipe: null, heldBytes: 0 }

/** @throws PathRefused where there is none: without descriptors left, bytes can still be copied */
function takePipe(): Pipe {
  try {
    return sharedPipes(native!).take()
  } catch (error) {
    throw new PathRefused(`there is no pipe: ${(error as Error).message}`)
  }
}
