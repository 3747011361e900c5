/** `transfer(from, to)`: moves a file's bytes to a socket by the path that the plan picks, and says which it was. */
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf } from '../base/options.js'
import { defaultEngine } from '../engine/default.js'
import { native } from '../native/load.js'
import { holdDescriptor } from './descriptor-hold.js'
import { descriptorStream } from './descriptor-stream.js'
import type { FileSource, SinkTarget, SocketSink } from './endpoints.js'
import { aborted, type Limits, watchLimits } from './interrupt.js'
import { copyFile } from './paths/copy.js'
import { type Prefix, SendfileFlow, SendfileRefused } from './paths/sendfile.js'
import { copyBecause, type PathName, type Plan, type PlanOptions, pathNames, planFor } from './plan.js'
import type { FileIdentity } from './residency.js'
import { accountBody, connectionOf, hasBody, headOf, prepareHead } from './response.js'
import { holdSocket, type SocketHold } from './socket-hold.js'
import { openSource } from './source.js'

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
}

/**
 * Moves a file, or a range of it, to a socket.
 *
 * What was written to the socket before goes first; what is written meanwhile follows after. A response's head is
 * sent with the bytes, announcing their number where nothing was announced, and a response whose Content-Length
 * is thereby complete is ended. Sockets are neither ended nor destroyed, also not when the transfer fails:
 * `error.bytes` says how many bytes went out. The file must not be changed before the peer has received it: the
 * peer may get the new bytes.
 *
 * @throws ERR_SLUICE_ABORTED, ERR_SLUICE_DEADLINE, ERR_SLUICE_PEER_CLOSED, ERR_SLUICE_SOCKET_CLOSED,
 *   ERR_SLUICE_FILE, ERR_SLUICE_FILE_SHRANK, ERR_SLUICE_RANGE, ERR_SLUICE_CONTENT_LENGTH, ERR_SLUICE_OPTION
 */
export async function transfer(
  from: FileSource,
  to: SocketSink,
  options: TransferOptions = {},
): Promise<TransferResult> {
  if (options.deadlineMs !== undefined)
    checkInteger('deadlineMs', options.deadlineMs, { min: 1, max: 2 ** 31 - 1 })
  if (options.prefer !== undefined) checkOneOf('prefer', options.prefer, pathNames)
  if (options.signal?.aborted) throw aborted(options.signal)
  const source = await openSource(from)
  try {
    return await transferFile(source, to.to, options)
  } finally {
    source.close()
  }
}

/** Bytes of an open file. */
export interface OpenRange {
  readonly fd: number
  /** First byte. */
  readonly start: number
  /** Number of bytes, or null for all there are until the end, which only what is not regular may have. */
  readonly length: number | null
  /** The file that `fd` is open on, where it is known. */
  readonly file?: FileIdentity | undefined
  /** Whether the file is a regular one; it is if this is not given. */
  readonly regular?: boolean
}

/** As `transfer`, from a descriptor that stays the caller's. It is not used any more once the promise settles. */
export function transferFile(
  range: OpenRange,
  to: SinkTarget,
  options: TransferOptions = {},
): Promise<TransferResult> {
  return new Promise((resolve, reject) => {
    new Job(range, to, options, resolve, reject).begin()
  })
}

/** One transfer: from the plan to the result. Settles once, and only when nothing uses the descriptors any more. */
class Job {
  readonly #range: OpenRange
  readonly #to: SinkTarget
  readonly #options: TransferOptions
  readonly #resolve: (result: TransferResult) => void
  readonly #reject: (error: unknown) => void
  readonly #began = performance.now()
  #plan: Plan
  /** Body bytes that the response's head has left, or null. */
  #bodyLeft: number | null = null
  #stopLimits: (() => void) | null = null
  /** Ends what runs now; null while the job only waits. */
  #interrupt: ((error: unknown) => void) | null = null
  #ended = false

  constructor(
    range: OpenRange,
    to: SinkTarget,
    options: TransferOptions,
    resolve: (result: TransferResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.#range = range
    this.#to = to
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#plan = planFor(to, range.regular !== false, options)
  }

  begin(): void {
    const { signal, deadlineMs } = this.#options
    if (signal?.aborted) return this.#end(aborted(signal), 0)
    if (signal !== undefined || deadlineMs !== undefined) {
      this.#stopLimits = watchLimits(this.#options, error => this.#onLimit(error))
    }
    const to = this.#to
    if (to instanceof ServerResponse) this.#after(connectionOf(to), socket => this.#toResponse(to, socket))
    else if (this.#plan.path === 'copy') this.#copy()
    else if (typeof to === 'number') this.#toDescriptor(to)
    else this.#toSocket(to as Socket, null)
  }

  #toResponse(res: ServerResponse, socket: Socket): void {
    if (this.#ended) return
    const { length } = this.#range
    try {
      this.#bodyLeft = prepareHead(res, length)
    } catch (error) {
      return this.#end(error, 0)
    }
    if (!hasBody(res)) {
      this.#bodyLeft = 0
      return this.#end(null, 0)
    }
    // The connection, and what the head says, are known only now.
    if (this.#plan.path !== 'copy') this.#plan = planFor(res, true, this.#options)
    if (this.#plan.path === 'copy') return this.#copy()
    const head = headOf(res)
    // Without access to the head, Node sends it now, in a packet of its own.
    if (head === null) res.flushHeaders()
    this.#toSocket(socket, head)
  }

  #toSocket(socket: Socket, prefix: Prefix | null): void {
    this.#after(holdSocket(socket), hold => this.#sendfile(hold, prefix))
  }

  #toDescriptor(fd: number): void {
    try {
      this.#sendfile(holdDescriptor(native!, fd), null)
    } catch (error) {
      this.#end(error, 0)
    }
  }

  #sendfile(hold: SocketHold, prefix: Prefix | null): void {
    if (this.#ended) return hold.release()
    const { fd, start, length, file } = this.#range
    const flow = new SendfileFlow(
      native!,
      defaultEngine()!,
      hold,
      { fd, start, length: length!, file },
      prefix,
      this.#options.onProgress,
      (error, sentBytes) => {
        hold.release()
        this.#interrupt = null
        if (error instanceof SendfileRefused) {
          this.#plan = copyBecause(`sendfile is refused here (${error.message})`)
          this.#copy()
        } else {
          this.#end(error, sentBytes)
        }
      },
    )
    this.#interrupt = error => flow.interrupt(error)
    flow.begin()
  }

  #copy(): void {
    const { fd, start, length, regular } = this.#range
    const sink = typeof this.#to === 'number' ? descriptorStream(this.#to) : this.#to
    const run = copyFile(
      { fd, start: regular === false ? null : start, length },
      sink,
      this.#options.onProgress,
    )
    this.#interrupt = error => run.interrupt(error)
    run.done.then(({ error, sentBytes }) => this.#end(error, sentBytes))
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
    if (error !== null) {
      if (error instanceof SluiceError) error.bytes = sentBytes
      return this.#reject(error)
    }
    const { path, why } = this.#plan
    const ms = performance.now() - this.#began
    this.#resolve({ bytes: sentBytes, path, why, copied: path === 'copy' ? sentBytes : 0, ms })
    if (this.#to instanceof ServerResponse) accountBody(this.#to, this.#bodyLeft, sentBytes)
  }
}
