/** One transfer of a file to a stream end, from its plan to its result: holding the sink, running the path, ending. */
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { SluiceError } from '../../base/errors.js'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { Claim } from '../ends/claim.js'
import { closedError } from '../ends/closed.js'
import { holdDescriptor } from '../ends/descriptor-hold.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import type { SinkTarget } from '../ends/endpoints.js'
import { HoldStream } from '../ends/hold-stream.js'
import { connectionOf, hasBody, headOf, noteBody, prepareHead } from '../ends/response.js'
import { holdSocket, type SocketHold } from '../ends/socket-hold.js'
import { Turn } from '../ends/turn.js'
import { aborted, type Limits, watchLimits } from '../interrupt.js'
import { type CopyRange, copyFile } from '../paths/copy.js'
import type { Prefix } from '../paths/file-flow.js'
import { PathRefused } from '../paths/path-refused.js'
import type { PathName, Plan, PlanOptions } from '../plan/path.js'
import { planFor, sinkKindOf } from '../plan/plan-send.js'
import type { FileIdentity } from '../residency.js'
import { FileRun } from './file-run.js'

export interface TransferOptions extends Limits, PlanOptions {
  /** Called with the number of bytes sent so far, after each piece. What it throws ends the transfer. */
  onProgress?: ((sentBytes: number) => void) | undefined
}

export interface TransferResult {
  /** Bytes that the kernel took for the peer. */
  bytes: number
  path: PathName
  /** Why this path, in one clause. */
  why: string
  /** Bytes that were copied through this process's memory. */
  copied: number
  /** How long it took, in milliseconds. */
  ms: number
  /** Of a list as the source: how each part went. `path` and `why` are then those of the part with the most bytes. */
  parts?: PartResult[]
}

export interface PartResult {
  path: PathName
  bytes: number
}

/** Bytes of an open file, whose descriptor is not used any more once the job has ended. */
export interface OpenRange {
  readonly fd: number
  /** First byte. */
  readonly start: number
  /** Number of bytes, or null for all there are until the end: copied, as nothing else finds the end. */
  readonly length: number | null
  /** The file that `fd` is open on, where it is known. */
  readonly file?: FileIdentity | undefined
  /** Whether the file is a regular one; it is if this is not given. */
  readonly regular?: boolean
  /** What the head announces as Content-Length, where the caller has made the head; else it is found out. */
  readonly announced?: number | undefined
}

/** One transfer: from the plan to the result. Settles once, and only when nothing uses the descriptors any more. */
export class Job {
  readonly #range: OpenRange
  readonly #to: SinkTarget
  readonly #options: TransferOptions
  readonly #claim: Claim
  readonly #began = performance.now()
  #plan: Plan | null = null
  /** The turn on a response's connection, which others may use too. */
  #connectionTurn: Turn | null = null
  /** Body bytes that the response's head has left, or null. */
  #bodyLeft: number | null = null
  #stopLimits: (() => void) | null = null
  /** Ends what runs now; null while the job only waits. */
  #interrupt: ((error: unknown) => void) | null = null
  /** Bytes that a path by reference had to copy. */
  #copied = 0
  #ended = false
  #result: TransferResult | null = null
  #error: unknown = null
  #resolve: ((result: TransferResult) => void) | null = null
  #reject: ((error: unknown) => void) | null = null

  /** The claim ends with the job. It is made before where something has to be waited for first. */
  constructor(range: OpenRange, to: SinkTarget, options: TransferOptions, claim = new Claim(to)) {
    this.#range = range
    this.#to = to
    this.#options = options
    this.#claim = claim
  }

  /** The result, where everything could be sent at once; else a promise of it. */
  run(): TransferResult | Promise<TransferResult> {
    this.#begin()
    if (this.#result !== null) return this.#result
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#error)
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  #begin(): void {
    const { signal, deadlineMs } = this.#options
    if (signal?.aborted) return this.#end(aborted(signal), 0)
    if (signal !== undefined || deadlineMs !== undefined) {
      this.#stopLimits = watchLimits(this.#options, error => this.#onLimit(error))
    }
    this.#claim.turn.whenCome(() => this.#start())
  }

  #start(): void {
    const to = this.#to
    if (to instanceof ServerResponse) {
      return this.#after(connectionOf(to), socket => this.#toConnection(to, socket))
    }
    this.#plan = this.#planFor(null)
    if (this.#plan.path === 'copy') this.#copy()
    else if (typeof to === 'number') this.#send(holdDescriptor(native!, this.#claim.fd), null)
    else this.#after(holdSocket(to as Socket), hold => this.#send(hold, null))
  }

  #planFor(refused: ReadonlyMap<PathName, string> | null): Plan {
    const to = typeof this.#to === 'number' ? this.#claim.fd : this.#to
    const bytes = this.#range.length ?? undefined
    return planFor({ to, sourceObstacle: obstacleOf(this.#range), refused, bytes }, this.#options)
  }

  #toConnection(res: ServerResponse, socket: Socket): void {
    if (this.#ended) return
    this.#connectionTurn = new Turn(socket)
    this.#connectionTurn.whenCome(() => this.#toResponse(res, socket))
  }

  #toResponse(res: ServerResponse, socket: Socket): void {
    if (res.writableEnded) return this.#end(closedError(res), 0)
    const { length, announced } = this.#range
    try {
      this.#bodyLeft = prepareHead(res, length, announced)
    } catch (error) {
      return this.#end(error, 0)
    }
    if (!hasBody(res)) {
      this.#bodyLeft = 0
      return this.#end(null, 0)
    }
    this.#plan = this.#planFor(null)
    if (this.#plan.path === 'copy') return this.#copy()
    const head = headOf(res)
    // Without access to the head, Node sends it now, in a packet of its own.
    if (head === null) res.flushHeaders()
    this.#after(holdSocket(socket, res), hold => this.#send(hold, head))
  }

  #send(hold: SocketHold, prefix: Prefix | null): void {
    if (this.#ended) return hold.release()
    const { fd, start, length, file } = this.#range
    const run = new FileRun(
      {
        native: native!,
        engine: defaultEngine()!,
        hold,
        range: { fd, start, length: length!, file },
        prefix,
        onProgress: this.#options.onProgress,
        plan: this.#plan!,
        replan: refused => this.#planFor(refused),
      },
      (error, sentBytes, copiedBytes) => {
        hold.release()
        this.#interrupt = null
        this.#plan = run.plan
        this.#copied = copiedBytes
        if (error instanceof PathRefused) this.#copy()
        else this.#end(error, sentBytes)
      },
    )
    this.#interrupt = error => run.interrupt(error)
    run.begin()
  }

  #copy(): void {
    const { fd, start, length, regular } = this.#range
    const range = { fd, start: regular === false ? null : start, length }
    if (typeof this.#to === 'number') return this.#copyToDescriptor(range)
    const run = copyFile(range, this.#to, this.#options.onProgress)
    this.#interrupt = error => run.interrupt(error)
    run.done.then(({ error, sentBytes }) => this.#end(error, sentBytes))
  }

  #copyToDescriptor(range: CopyRange): void {
    const { fd } = this.#claim
    const hold = native === null ? null : holdDescriptor(native, fd)
    const stream = streamOver(fd, hold)
    const run = copyFile(range, stream, this.#options.onProgress)
    this.#interrupt = error => run.interrupt(error)
    run.done.then(({ error }) =>
      stream.close(() => {
        hold?.release()
        this.#end(error, stream.bytesWritten)
      }),
    )
  }

  /** Goes on with a value that may have to be waited for; a job that has ended meanwhile does so all the same, to give it back. */
  #after<Value>(value: Value | Promise<Value>, next: (value: Value) => void): void {
    if (value instanceof Promise) value.then(next, error => this.#end(error, 0))
    else next(value)
  }

  #onLimit(error: SluiceError): void {
    if (this.#interrupt !== null) this.#interrupt(error)
    else this.#end(error, 0)
  }

  #end(error: unknown, sentBytes: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#stopLimits?.()
    this.#connectionTurn?.leave()
    this.#claim.end()
    if (error === null) this.#succeed(sentBytes)
    else this.#fail(error, sentBytes)
    if (this.#to instanceof ServerResponse && this.#bodyLeft !== null) {
      if (error === null && sentBytes === this.#bodyLeft) this.#to.end()
      else noteBody(this.#to, sentBytes)
    }
  }

  #succeed(sentBytes: number): void {
    // A response to which no body belongs, say to HEAD, ends before there is a plan.
    const { path, why } = this.#plan ?? noBody
    const copied = path === 'copy' ? sentBytes : this.#copied
    this.#result = { bytes: sentBytes, path, why, copied, ms: performance.now() - this.#began }
    this.#resolve?.(this.#result)
  }

  #fail(error: unknown, sentBytes: number): void {
    if (error instanceof SluiceError) error.bytes = sentBytes
    this.#error = error
    this.#reject?.(error)
  }
}

/** What takes no more is waited for by the engine; what never says so, such as a file, is written on a thread. */
function streamOver(fd: number, hold: SocketHold | null): HoldStream | DescriptorStream {
  const engine = defaultEngine()
  if (hold === null || engine === null || sinkKindOf(fd) === 'other') return new DescriptorStream(fd)
  return new HoldStream(native!, engine, hold)
}

const noBody = { path: 'sendfile', why: 'there is no body to send' } as const

/** Why the source can only be copied, or an empty string. */
function obstacleOf({ regular, length }: OpenRange): string {
  if (regular === false) return 'the source is not a regular file'
  return length === null ? 'the source does not say how long it is' : ''
}
