/**
 * The notices of a socket that was sent to with MSG_ZEROCOPY: for each send, that the kernel has let go of its bytes.
 *
 * They come by the socket's error queue, also after Node has closed it: as long as any are missing a duplicate of the
 * descriptor is kept, since they would be lost with the socket, and with them the proof. An undrained error queue
 * would keep Node's loop awake, as Node watches the same socket, so it is drained as soon as there is something in it.
 */
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import { errnoName } from '../base/errors.js'
import type { Engine } from '../engine/engine.js'
import { type Flow, STEP_DONE, STEP_MORE, STEP_WAIT, type Step } from '../engine/flow.js'
import type { Native } from '../native/calls.js'
import { closerOf } from '../native/own.js'
import type { SocketHold } from './ends/socket-hold.js'
import { type Loan, ZerocopyLedger } from './zerocopy-ledger.js'

/** What receiveError fills in: errno, origin, code, info and data. */
const noticeWords = 5
/** How many notices are read in one step. */
const noticesPerStep = 256
/** How often a socket that is waited for is asked whether it was destroyed: nobody calls back once it was let go of. */
const destroyedCheckMs = 250
/** How long a destroyed socket may go on sending before it is reset: the kernel gives up an orphan after about as long. */
const lingerMs = 60_000
/** How many sockets are remembered that have nothing outstanding: what goes first is not sent to this way again. */
const idleMax = 4096

const { ENOMSG, EAGAIN } = constants.errno

/** What a flow has lent to a socket. */
export interface SocketLoan extends Loan {
  readonly hold: SocketHold
  /** Called once, when everything was sent and no notice is missing; null before all was sent. */
  onRelease: (() => void) | null
}

/** By inode: what is known of sockets that have SO_ZEROCOPY set. Only who has counted from the first send can go on. */
const known = new Map<number, ZerocopyNotices>()

/** Whether the kernel has copied what was sent to the peer of this socket with MSG_ZEROCOPY. */
export function zerocopyCopies(native: Native, fd: number): boolean {
  return known.size > 0 && known.get(inodeOf(native, fd))?.copies === true
}

/** The notices of the held socket, or why it cannot be sent to with MSG_ZEROCOPY. */
export function noticesOf(native: Native, engine: Engine, fd: number): ZerocopyNotices | string {
  const inode = inodeOf(native, fd)
  const before = native.getsockoptInt(fd, native.SOL_SOCKET, native.SO_ZEROCOPY)
  if (before < 0) return `SO_ZEROCOPY is refused here (${errnoName(before)})`
  if (before > 0) return known.get(inode) ?? 'somebody else has set SO_ZEROCOPY and counts the notices'
  // Where a sandbox forbids reading the notices nothing would ever be let go of.
  const read = native.receiveError(fd, new Uint32Array(noticeWords))
  if (read < 0 && read !== -EAGAIN) return `recvmsg(MSG_ERRQUEUE) is refused here (${errnoName(read)})`
  const set = native.setsockoptInt(fd, native.SOL_SOCKET, native.SO_ZEROCOPY, 1)
  if (set < 0) return `SO_ZEROCOPY is refused here (${errnoName(set)})`
  forgetOldest()
  const notices = new ZerocopyNotices(native, engine)
  known.set(inode, notices)
  return notices
}

export class ZerocopyNotices implements Flow {
  /** The duplicate, while there are loans. */
  fd = -1
  queued = false
  /** Whether the kernel has copied what was sent: there is nothing to be gained with this peer. */
  copies = false
  readonly #native: Native
  readonly #engine: Engine
  readonly #ledger = new ZerocopyLedger()
  readonly #loans = new Set<SocketLoan>()
  readonly #notice = new Uint32Array(noticeWords)
  #close: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #resetAt = Number.POSITIVE_INFINITY

  constructor(native: Native, engine: Engine) {
    this.#native = native
    this.#engine = engine
  }

  /** Nothing is lent. */
  get idle(): boolean {
    return this.#loans.size === 0
  }

  /** Before the first send of a loan → why it cannot be made, or an empty string. */
  open(loan: SocketLoan): string {
    if (this.#close === null) {
      const fd = this.#native.dup(loan.hold.fd)
      if (fd < 0) return `the descriptor cannot be duplicated (${errnoName(fd)})`
      try {
        this.#close = closerOf(this.#native, fd)
      } catch (error) {
        return (error as Error).message
      }
      this.fd = fd
    }
    this.#loans.add(loan)
    return ''
  }

  /** The socket took so many bytes of the loan in one send. */
  add(loan: SocketLoan, bytes: number): void {
    this.#ledger.add(loan, bytes)
  }

  /** Nothing more is sent of the loan: calls back, perhaps at once, when the kernel has let go of all of it. */
  seal(loan: SocketLoan, onRelease: () => void): void {
    loan.onRelease = onRelease
    this.drain()
    if (!this.idle) {
      this.#checkDestroyed()
      this.#engine.resume(this)
    }
  }

  step(): Step {
    if (this.idle) return STEP_DONE
    const more = this.drain()
    if (this.idle) return STEP_DONE
    return more ? STEP_MORE : STEP_WAIT
  }

  /** Reads what notices there are → whether there may be more. */
  drain(): boolean {
    const { SO_EE_ORIGIN_ZEROCOPY, SO_EE_CODE_ZEROCOPY_COPIED } = this.#native
    const notice = this.#notice
    let count = 0
    for (; this.#ledger.outstanding > 0 && count < noticesPerStep; count++) {
      const result = this.#native.receiveError(this.fd, notice)
      if (result === -ENOMSG || (result === 0 && notice[1] !== SO_EE_ORIGIN_ZEROCOPY)) continue
      if (result < 0) break
      const copied = notice[2] === SO_EE_CODE_ZEROCOPY_COPIED
      if (copied) this.copies = true
      this.#ledger.settle(notice[3]!, notice[4]!, copied)
    }
    this.#release()
    return count === noticesPerStep
  }

  /** Lets go of the loans that nothing is missing of. */
  #release(): void {
    const released: SocketLoan[] = []
    for (const loan of this.#loans) {
      if (loan.onRelease !== null && loan.outstanding === 0) released.push(loan)
    }
    for (const loan of released) this.#loans.delete(loan)
    if (this.idle) this.#shut()
    // Last: what is called may lend to this socket anew.
    for (const loan of released) loan.onRelease!()
  }

  #shut(): void {
    this.#engine.forget(this)
    this.#close?.()
    this.#close = null
    this.fd = -1
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#resetAt = Number.POSITIVE_INFINITY
  }

  /**
   * The duplicate keeps alive a socket that this side has destroyed: so what closing does is done to it, and it is
   * reset where the peer takes nothing more.
   */
  #checkDestroyed(): void {
    const now = performance.now()
    if (this.#resetAt === Number.POSITIVE_INFINITY) {
      if (this.#isDestroyed()) this.#resetAt = this.#end() ? now + lingerMs : now
    }
    if (now >= this.#resetAt) this.#native.disconnect(this.fd)
    if (this.#timer === null) this.#timer = setTimeout(() => this.#onTimer(), destroyedCheckMs)
  }

  #onTimer(): void {
    this.#timer = null
    this.drain()
    if (!this.idle) this.#checkDestroyed()
  }

  #isDestroyed(): boolean {
    for (const { hold } of this.#loans) if (hold.destroyed === true) return true
    return false
  }

  /** Ends the connection behind what is still to be sent → false where it is to be reset (socket(7), SO_LINGER). */
  #end(): boolean {
    const { SOL_SOCKET, SO_LINGER, SHUT_WR } = this.#native
    const linger = new Int32Array(2)
    const asked = this.#native.getsockoptBytes(this.fd, SOL_SOCKET, SO_LINGER, new Uint8Array(linger.buffer))
    if (asked >= 0 && linger[0] !== 0 && linger[1] === 0) return false
    this.#native.shutdown(this.fd, SHUT_WR)
    return true
  }
}

const stat = new Float64Array(8)

function inodeOf(native: Native, fd: number): number {
  return native.fstat(fd, stat) < 0 ? -1 : stat[4]!
}

function forgetOldest(): void {
  if (known.size < idleMax) return
  for (const [inode, notices] of known) {
    if (!notices.idle) continue
    known.delete(inode)
    return
  }
}
