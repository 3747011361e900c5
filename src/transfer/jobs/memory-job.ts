/** One transfer from memory to a socket, pipe, response or other stream, from its plan to its result. */
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { errnoName, SluiceError } from '../../base/errors.js'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { Claim } from '../ends/claim.js'
import { closedError } from '../ends/closed.js'
import { holdDescriptor } from '../ends/descriptor-hold.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import type { SinkTarget } from '../ends/endpoints.js'
import type { MemorySource } from '../ends/memory-source.js'
import { connectionOf, hasBody, noteBody, prepareHead } from '../ends/response.js'
import { holdSocket, type SocketHold } from '../ends/socket-hold.js'
import { Turn } from '../ends/turn.js'
import { watchLimits } from '../interrupt.js'
import { type HeldMemory, holdMemory } from '../memory-pieces.js'
import { copyMemory } from '../paths/copy-memory.js'
import { PathRefused } from '../paths/path-refused.js'
import type { ReferenceEnds } from '../paths/reference-ends.js'
import { SendfileMemoryFlow } from '../paths/sendfile-memory.js'
import { VmspliceFlow } from '../paths/vmsplice.js'
import { WritevFlow } from '../paths/writev.js'
import { ZerocopyFlow } from '../paths/zerocopy.js'
import { sharedPipes } from '../pipe-pool.js'
import type { PathName, Plan } from '../plan/path.js'
import { planMemory } from '../plan/plan-memory.js'
import { sinkKindOf } from '../plan/plan-send.js'
import type { TransferOptions, TransferResult } from './job.js'

/** @throws what holdMemory() throws; then the memory is the program's as before */
export function sendMemory(
  source: MemorySource,
  to: SinkTarget,
  options: TransferOptions,
): Promise<TransferResult> {
  const claim = new Claim(to)
  try {
    return new MemoryJob(source, holdMemory(source), to, options, claim).run()
  } catch (error) {
    claim.end()
    throw error
  }
}

/** Any of the paths around Node's stream. */
interface MemoryFlow {
  begin(): void
  interrupt(error: unknown): void
}

/** Settles once, when the sink has all or has failed and the kernel has let go of the memory. */
class MemoryJob {
  readonly #source: MemorySource
  readonly #memory: HeldMemory
  readonly #to: SinkTarget
  readonly #options: TransferOptions
  readonly #claim: Claim
  readonly #began = performance.now()
  #plan: Plan | null = null
  /** Paths that the kernel has refused, each with a clause. */
  #refused: Map<PathName, string> | null = null
  /** The turn on a response's connection, which others may use too. */
  #connectionTurn: Turn | null = null
  /** Body bytes that the response's head has left, or null. */
  #bodyLeft: number | null = null
  #stopLimits: (() => void) | null = null
  /** Ends what runs now; null while the job only waits. */
  #interrupt: ((error: unknown) => void) | null = null
  #ended = false
  #error: unknown = null
  #sentBytes = 0
  #resolve: (result: TransferResult) => void = nothing
  #reject: (error: unknown) => void = nothing

  constructor(
    source: MemorySource,
    memory: HeldMemory,
    to: SinkTarget,
    options: TransferOptions,
    claim: Claim,
  ) {
    this.#source = source
    this.#memory = memory
    this.#to = to
    this.#options = options
    this.#claim = claim
  }

  run(): Promise<TransferResult> {
    const settled = new Promise<TransferResult>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#stopLimits = watchLimits(this.#options, error => {
      if (this.#interrupt !== null) this.#interrupt(error)
      else this.#end(error)
    })
    this.#claim.turn.whenCome(() => this.#start())
    return settled
  }

  #start(): void {
    const to = this.#to
    if (to instanceof ServerResponse) {
      return this.#after(connectionOf(to), socket => this.#toConnection(to, socket))
    }
    this.#plan = this.#planNow()
    if (this.#plan.path === 'copy') this.#copy()
    else if (typeof to === 'number') this.#send(holdDescriptor(native!, this.#claim.fd))
    else this.#after(holdSocket(to as Socket), hold => this.#send(hold))
  }

  #planNow(): Plan {
    const to = typeof this.#to === 'number' ? this.#claim.fd : this.#to
    return planMemory(this.#source, to, this.#refused, this.#options)
  }

  #toConnection(res: ServerResponse, socket: Socket): void {
    if (this.#ended) return
    this.#connectionTurn = new Turn(socket)
    this.#connectionTurn.whenCome(() => this.#toResponse(res))
  }

  #toResponse(res: ServerResponse): void {
    if (res.writableEnded) return this.#end(closedError(res))
    this.#plan = this.#planNow()
    try {
      this.#bodyLeft = prepareHead(res, this.#memory.bytes)
    } catch (error) {
      return this.#end(error)
    }
    if (hasBody(res)) return this.#copy()
    this.#bodyLeft = 0
    this.#end(null)
  }

  #send(hold: SocketHold): void {
    if (this.#ended) return hold.release()
    const flow = this.#flowOn(hold, {
      sent: (error, sentBytes) => {
        this.#error = error
        this.#sentBytes = sentBytes
        this.#interrupt = null
        hold.release()
        if (!(error instanceof PathRefused)) this.#leave()
      },
      released: copiedBytes => {
        if (this.#error instanceof PathRefused) this.#onRefused(this.#error)
        else this.#settle(copiedBytes)
      },
    })
    this.#interrupt = error => flow.interrupt(error)
    flow.begin()
  }

  #flowOn(hold: SocketHold, ends: ReferenceEnds): MemoryFlow {
    const { path } = this.#plan!
    const { onProgress } = this.#options
    const memory = this.#memory
    const engine = defaultEngine()!
    if (path === 'zerocopy') return new ZerocopyFlow(native!, engine, hold, memory, onProgress, ends)
    if (path === 'sendfile') return new SendfileMemoryFlow(native!, engine, hold, memory, onProgress, ends)
    if (path !== 'vmsplice') return new WritevFlow(native!, engine, hold, memory, onProgress, ends)
    const pipes =
      sinkKindOf(typeof this.#to === 'number' ? hold.fd : this.#to) === 'pipe' ? null : sharedPipes(native!)
    return new VmspliceFlow(native!, engine, hold, memory, onProgress, ends, pipes)
  }

  #onRefused(refusal: PathRefused): void {
    if (this.#ended) return
    this.#error = null
    this.#refused ??= new Map()
    this.#refused.set(this.#plan!.path, refusal.message)
    this.#start()
  }

  #copy(): void {
    if (typeof this.#to === 'number') return this.#copyToDescriptor()
    const run = copyMemory(this.#memory, this.#to, this.#options.onProgress)
    this.#interrupt = error => run.interrupt(error)
    run.done.then(({ error, sentBytes }) => this.#end(error, sentBytes))
  }

  #copyToDescriptor(): void {
    const { fd } = this.#claim
    const hold = native === null ? null : holdDescriptor(native, fd)
    const stream = new DescriptorStream(fd)
    const run = copyMemory(this.#memory, stream, this.#options.onProgress)
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
    if (value instanceof Promise) value.then(next, error => this.#end(error))
    else next(value)
  }

  /** Ends what did not go by a flow: nothing but the stream had the bytes, and that had copies. */
  #end(error: unknown, sentBytes = 0): void {
    if (this.#ended) return
    this.#error = error
    this.#sentBytes = sentBytes
    this.#leave()
    this.#settle(sentBytes)
  }

  /** The sink is left to the next. */
  #leave(): void {
    this.#ended = true
    this.#stopLimits?.()
    this.#connectionTurn?.leave()
    this.#claim.end()
    if (!(this.#to instanceof ServerResponse) || this.#bodyLeft === null) return
    if (this.#error === null && this.#sentBytes === this.#bodyLeft) this.#to.end()
    else noteBody(this.#to, this.#sentBytes)
  }

  #settle(copiedBytes: number): void {
    this.#memory.release()
    const error = this.#error ?? truncation(this.#memory)
    if (error === null) return this.#succeed(copiedBytes)
    const told = isMissing(error) ? (truncation(this.#memory, error) ?? error) : error
    if (told instanceof SluiceError) told.bytes = this.#sentBytes
    this.#reject(told)
  }

  #succeed(copied: number): void {
    const { path, why } = this.#plan!
    const ms = performance.now() - this.#began
    this.#resolve({ bytes: this.#sentBytes, path, why, copied, ms })
  }
}

/** What the system calls say of bytes of a mapped file that is shorter now. */
function isMissing(error: unknown): boolean {
  return error instanceof SluiceError && error.errno !== undefined && errnoName(error.errno) === 'EFAULT'
}

/** The error where bytes of a mapped file were missing, else null. */
function truncation(memory: HeldMemory, cause?: unknown): unknown {
  try {
    memory.check()
    return null
  } catch (error) {
    if (cause !== undefined && error instanceof SluiceError) error.cause ??= cause
    return error
  }
}

function nothing(): void {}
