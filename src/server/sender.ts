/**
 * Hot: the sending half of a connection: one answer at a time, in one send from memory or piece by piece, what of it is
 * counted, and its line in the log.
 */
import { constants } from 'node:os'
import type { RequestHead } from '../http/request/head.js'
import type { LogEntry } from './access-log.js'
import { ANSWERS, BY_SENDFILE, BYTES, COPIED, FROM_MEMORY } from './counters.js'
import type { Host } from './host.js'
import { CHANGED, DONE, FULL, MORE, Outgoing, PARKED, type Piece } from './outgoing.js'
import type { CachedAnswer } from './response-cache.js'
import type { SharedFile } from './shared-file.js'
import type { Stored } from './stored.js'
import { PENDING, type Wired } from './wire.js'

/** Whose answers are sent, and who is told how they went: from within the call that sends, or later. */
export interface Sending extends Wired {
  /** Until when something must have happened, in milliseconds of the clock. */
  deadlineMs: number
  /** All of an answer is with the kernel. */
  onAnswered(): void
  /** The answer cannot be completed. */
  onUnanswerable(): void
}

const { EINTR, EAGAIN } = constants.errno

export class Sender {
  readonly #host: Host
  readonly #to: Sending
  /** What is being sent: from memory, */
  #stored: Stored | null = null
  #offset = 0
  #end = 0
  /** or piece by piece. */
  #outgoing: Outgoing | null = null
  #direct = false
  /** For the log. */
  #asked: string | null = null
  #address: string | null = null
  #status = 0
  #beganMs = 0
  #answeredBytes = 0
  #headBytes = 0
  #path: LogEntry['path'] = '-'

  constructor(host: Host, to: Sending) {
    this.#host = host
    this.#to = to
  }

  /** What is answered next, for the log. */
  note(head: RequestHead): void {
    const { log, clock } = this.#host
    this.#asked = `${head.methodName()} ${head.target()} HTTP/1.${head.minor}`
    this.#address ??= log!.addressOf(this.#to.fd)
    this.#beganMs = clock.nowMs
    this.#answeredBytes = 0
  }

  /** An answer of the cache, or its head alone. */
  sendCached({ status, stored, headLength, file, bodyLength }: CachedAnswer, headAlone: boolean): void {
    const bodied = bodyLength > 0 && !headAlone
    this.begin(status, headLength, !bodied ? '-' : file === null ? 'memory' : 'sendfile')
    if (bodied && file !== null) {
      file.enter()
      const range = { start: 0, end: bodyLength - 1 }
      return this.stream([{ stored, length: headLength }, { range }], file)
    }
    if (bodied) this.#host.counters[FROM_MEMORY]! += 1
    stored.enter()
    this.#stored = stored
    this.#offset = stored.offset
    this.#end = stored.offset + (bodied ? stored.length : headLength)
    this.#send()
  }

  /** An answer begins, by status, bytes of its head, and how its body goes. */
  begin(status: number, headBytes: number, path: LogEntry['path']): void {
    this.#status = status
    this.#headBytes = headBytes
    this.#path = path
    this.#host.counters[ANSWERS + Math.floor(status / 100)]! += 1
  }

  /** Piece by piece; takes over one use of the file. */
  stream(pieces: readonly Piece[], file: SharedFile | null): void {
    const { native, arena, wire, counters } = this.#host
    if (file !== null) counters[BY_SENDFILE]! += 1
    const { fd } = this.#to
    this.#outgoing = new Outgoing({ native, arena, fd, pieces, file, resume: () => this.advance() })
    // Only sendfile has no flag for not waiting.
    this.#direct = file !== null
    if (this.#direct) wire.beginDirect(this.#to)
    this.advance()
  }

  /** What came of a send from memory: bytes, or -errno. */
  onSent(result: number): void {
    if (this.#stored === null) return
    if (result === -EINTR || result === -EAGAIN) return this.#send()
    if (result < 0) return this.#to.onGone(result)
    this.#offset += result
    this.#host.counters[COPIED]! += result
    this.#sent(result)
    if (this.#offset < this.#end) return this.#send()
    this.release()
    this.#answered()
  }

  /** Goes on with what is being sent, if anything is. */
  advance(): void {
    if (this.#to.closed) return
    if (this.#stored !== null) return this.#send()
    const outgoing = this.#outgoing
    if (outgoing === null) return
    const before = outgoing.sentBytes
    const step = outgoing.step()
    if (outgoing.sentBytes > before) this.#sent(outgoing.sentBytes - before)
    if (step === DONE) {
      this.drop()
      this.#answered()
    } else if (step === FULL) this.#host.wire.whenWritable(this.#to)
    else if (step === MORE) this.#host.wire.later(this.#to)
    else if (step === CHANGED) this.#to.onUnanswerable()
    else if (step !== PARKED) this.#to.onGone(step)
  }

  /** Sends no more pieces. Bytes in memory that are with the kernel stay until `release`. */
  drop(): void {
    if (this.#outgoing === null) return
    this.#host.counters[COPIED]! += this.#outgoing.copiedBytes
    this.#outgoing.close()
    this.#outgoing = null
    if (!this.#direct) return
    this.#direct = false
    this.#host.wire.endDirect(this.#to)
  }

  /** The kernel has nothing that was sent from memory any more. */
  release(): void {
    this.#stored?.leave()
    this.#stored = null
  }

  /** Writes the line of what was noted; `end` says why it is not through, null where it is. */
  log(end: string | null): void {
    const { log } = this.#host
    if (log === null || this.#asked === null) return
    log.add(this.#address!, {
      request: this.#asked,
      status: this.#status,
      bytes: Math.max(0, this.#answeredBytes - this.#headBytes),
      path: this.#path,
      beganMs: this.#beganMs,
      end,
    })
    this.#asked = null
  }

  /** From memory, in one send where the socket takes it all. */
  #send(): void {
    const { wire } = this.#host
    const sent = wire.send(this.#to, this.#offset, this.#end - this.#offset)
    if (sent === PENDING) return
    if (sent !== -EAGAIN) return this.onSent(sent)
    wire.whenWritable(this.#to)
  }

  #sent(bytes: number): void {
    const { counters, clock, limits } = this.#host
    counters[BYTES]! += bytes
    this.#answeredBytes += bytes
    this.#to.deadlineMs = clock.nowMs + limits.stallMs
  }

  #answered(): void {
    this.log(null)
    this.#to.onAnswered()
  }
}
