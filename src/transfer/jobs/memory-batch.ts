/**
 * Hot: many transfers from memory to one socket, sent as one. What is asked for in one turn of the loop, or while the
 * socket is full, goes out in as few system calls as possible; each transfer has its own result.
 *
 * A batch takes one place in the line before the socket (turn.ts) and holds it once. It takes in no more once
 * something else is to go out after it: another transfer, or what Node was given to write.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { SluiceError } from '../../base/errors.js'
import { defaultEngine } from '../../engine/default.js'
import { kernelBytes, type Lease, retireLease, submitLease } from '../../memory/lease.js'
import type { Region } from '../../memory/region.js'
import { native } from '../../native/load.js'
import { holdSocket, type SocketHold } from '../ends/socket-hold.js'
import { Turn } from '../ends/turn.js'
import type { HeldMemory } from '../memory-pieces.js'
import { copyMemory } from '../paths/copy-memory.js'
import { PathRefused } from '../paths/path-refused.js'
import { WritevFlow } from '../paths/writev.js'
import type { Plan } from '../plan/path.js'
import { planMemory } from '../plan/plan-memory.js'
import type { TransferResult } from './job.js'
import { sendMemory } from './memory-job.js'

/** Settled transfers are dropped from a batch that never ends when they are so many. */
const settledMax = 1024

const batchOf = Symbol('transfers that are sent together')

interface Batched {
  [batchOf]?: Batch
}

/** A transfer from a lease to a socket, without options: together with others where it is to go by writev. */
export function sendLease(lease: Lease, socket: Socket): Promise<TransferResult> {
  try {
    return join(lease, socket) ?? sendMemory({ kind: 'memory', of: lease }, socket, {})
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Null where another path is planned, and nothing was done. */
function join(lease: Lease, socket: Socket): Promise<TransferResult> | null {
  const { length } = lease.bytes
  const open = (socket as Batched)[batchOf]
  const batch = open?.takesMore === true ? open : new Batch(socket)
  const plan = batch.planFor(lease, length)
  if (plan.path !== 'writev') return null
  submitLease(lease)
  if (batch !== open) {
    ;(socket as Batched)[batchOf] = batch
    batch.begin()
  }
  return batch.add(lease, length, plan)
}

/** One transfer of a batch. */
interface Message {
  readonly lease: Lease
  readonly bytes: number
  /** Where it ends, counted from the batch's first byte. */
  readonly end: number
  readonly plan: Plan
  readonly began: number
  readonly resolve: (result: TransferResult) => void
  readonly reject: (error: unknown) => void
}

class Batch {
  readonly #socket: Socket
  readonly #messages: Message[] = []
  /** Those before it have settled. */
  #next = 0
  #bytes = 0
  #turn: Turn | null = null
  #hold: SocketHold | null = null
  #flow: WritevFlow | null = null
  /** What came before the flow was there. */
  #early: Uint8Array[] = []
  #ended = false
  /** The plan for the size and the region that were asked for last. */
  #plan: Plan | null = null
  #planBytes = -1
  #planRegion: Region | null = null

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether what is added now still goes out in its order. */
  get takesMore(): boolean {
    if (this.#ended || !this.#turn!.isLast) return false
    return this.#hold === null || this.#socket.writableLength === 0
  }

  planFor(lease: Lease, bytes: number): Plan {
    const { region } = lease
    if (this.#plan === null || this.#planBytes !== bytes || this.#planRegion !== region) {
      this.#plan = planMemory({ kind: 'memory', of: lease }, this.#socket, null, {})
      this.#planBytes = bytes
      this.#planRegion = region
    }
    return this.#plan
  }

  begin(): void {
    this.#turn = new Turn(this.#socket)
    this.#turn.whenCome(() => {
      const hold = holdSocket(this.#socket)
      if (hold instanceof Promise) hold.then(this.#onHold, this.#fail)
      else this.#onHold(hold)
    })
  }

  add(lease: Lease, bytes: number, plan: Plan): Promise<TransferResult> {
    const whole = kernelBytes(lease)
    const view = whole.length === bytes ? whole : whole.subarray(0, bytes)
    const promise = new Promise<TransferResult>(capture)
    this.#bytes += bytes
    this.#messages.push({
      lease,
      bytes,
      end: this.#bytes,
      plan,
      began: performance.now(),
      resolve: resolveLast,
      reject: rejectLast,
    })
    if (this.#flow === null) this.#early.push(view)
    else this.#flow.append(view)
    return promise
  }

  readonly #onHold = (hold: SocketHold): void => {
    this.#hold = hold
    // Not at once: all that is asked for in this turn of the loop is to go out together.
    process.nextTick(this.#send)
  }

  readonly #send = (): void => {
    const views = this.#early
    this.#early = []
    const engine = defaultEngine()!
    const onEnd = { sent: this.#onSent, released: nothing }
    this.#flow = new WritevFlow(native!, engine, this.#hold!, { views }, this.#settleTo, onEnd)
    this.#flow.begin()
  }

  /** Settles the transfers of which all bytes are sent. */
  readonly #settleTo = (sentBytes: number): void => {
    const messages = this.#messages
    const now = performance.now()
    while (this.#next < messages.length && messages[this.#next]!.end <= sentBytes) {
      const { lease, bytes, plan, began, resolve } = messages[this.#next++]!
      retireLease(lease)
      resolve({ bytes, path: plan.path, why: plan.why, copied: bytes, ms: now - began })
    }
    if (this.#next < settledMax) return
    messages.splice(0, this.#next)
    this.#next = 0
  }

  readonly #onSent = (error: unknown, sentBytes: number): void => {
    this.#hold!.release()
    if (error instanceof PathRefused) {
      this.#ended = true
      void this.#copyAll(error.message)
    } else if (error === null) {
      this.#settleTo(sentBytes)
      this.#end()
    } else {
      this.#fail(error, sentBytes)
    }
  }

  /** None of the rest can be sent; of the first of them some bytes may have been. */
  readonly #fail = (error: unknown, sentBytes = 0): void => {
    this.#end()
    const rest = this.#messages.splice(this.#next)
    const [first] = rest
    if (first === undefined) return
    if (error instanceof SluiceError) error.bytes = sentBytes - (first.end - first.bytes)
    const others = rest.length > 1 ? unsentError(error) : error
    for (const message of rest) {
      retireLease(message.lease)
      message.reject(message === first ? error : others)
    }
  }

  /** The kernel refuses to gather: one after the other, and still before whoever comes next. */
  async #copyAll(why: string): Promise<void> {
    for (const message of this.#messages.splice(this.#next)) {
      const { lease, bytes, began, resolve, reject } = message
      const run = copyMemory(piecesOf(lease, bytes), this.#socket, undefined)
      const { error, sentBytes } = await run.done
      retireLease(lease)
      if (error instanceof SluiceError) error.bytes = sentBytes
      if (error !== null) reject(error)
      else resolve({ bytes, path: 'copy', why, copied: bytes, ms: performance.now() - began })
    }
    this.#end()
  }

  #end(): void {
    this.#ended = true
    const socket = this.#socket as Batched
    if (socket[batchOf] === this) delete socket[batchOf]
    this.#turn!.leave()
  }
}

/** What the promise made last is settled by: one function for all promises instead of one for each. */
let resolveLast: Message['resolve'] = nothing
let rejectLast: Message['reject'] = nothing
function capture(resolve: Message['resolve'], reject: Message['reject']): void {
  resolveLast = resolve
  rejectLast = reject
}

function piecesOf(lease: Lease, bytes: number): HeldMemory {
  const view = kernelBytes(lease).subarray(0, bytes)
  return { views: [view], bytes, region: null, check: nothing, release: nothing }
}

/** For those of which nothing was sent, because one before them failed. */
function unsentError(cause: unknown): unknown {
  if (!(cause instanceof SluiceError)) return cause
  const { code, remedy } = cause
  const what = 'Nothing was sent: an earlier transfer to the socket failed'
  const error = new SluiceError(code, what, { cause, remedy })
  error.bytes = 0
  return error
}

function nothing(): void {}
