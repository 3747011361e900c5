/**
 * Hot: one connection: heads are parsed as they come, each is answered before the next is looked at, and what comes
 * meanwhile waits, up to a bound.
 *
 *     WAITING ──a whole head──▶ ANSWERING ──all sent──▶ WAITING, or LINGERING ──the peer has ended──▶ CLOSED
 *
 * A plain question that was asked a moment ago is answered out of the cache in one send. All else is decided by the
 * site, as it is for serveStatic, and sent piece by piece.
 */
import { constants } from 'node:os'
import type { FileBody, Reply } from '../http/reply.js'
import { isFileBody, statusReply, thrownReply } from '../http/reply.js'
import {
  ACCEPT_ENCODING,
  IF_MATCH,
  IF_MODIFIED_SINCE,
  IF_NONE_MATCH,
  IF_RANGE,
  IF_UNMODIFIED_SINCE,
  RANGE,
} from '../http/request/field.js'
import type { RequestHead } from '../http/request/head.js'
import { GET, HEAD } from '../http/request/method.js'
import { INCOMPLETE, REFUSED, type RequestParser } from '../http/request/parser.js'
import type { Refusal } from '../http/request/refusal.js'
import { keyOf } from './answer-key.js'
import { BROKEN_OFF, REFUSED_HEADS, REQUESTS, RESETS, TIMEOUTS } from './counters.js'
import { headText } from './head-text.js'
import type { Host } from './host.js'
import { NativeQuestion } from './native-question.js'
import type { Piece } from './outgoing.js'
import { Sender, type Sending } from './sender.js'
import { SharedFile } from './shared-file.js'

const WAITING = 0
const ANSWERING = 1
const LINGERING = 2
const CLOSED = 3

/** Fields that make a question more than plain, */
const conditions =
  (1 << RANGE) | (1 << IF_RANGE) | (1 << IF_MATCH) | (1 << IF_MODIFIED_SINCE) | (1 << IF_UNMODIFIED_SINCE)
/** and those that do so where they are on more than one line. */
const single = (1 << ACCEPT_ENCODING) | (1 << IF_NONE_MATCH)

const { ECONNRESET, EPIPE } = constants.errno

export class Connection implements Sending {
  readonly fd: number
  /** The place in the wire's table, and how often that was used before. */
  readonly slot: number
  readonly generation: number
  /** A number from the beginning: a field that was once undefined takes memory with every number that is stored. */
  deadlineMs = 0
  readonly #host: Host
  #state = WAITING
  /** What came and is not parsed yet, and where in it that begins; null where there is nothing. */
  #unparsed: Uint8Array | null = null
  #unparsedAt = 0
  /** The parser that is in the middle of a head of ours; null where there is none. */
  #parser: RequestParser | null = null
  #paused = false
  #consuming = false
  #refused = false
  #peerEnded = false
  #keepAlive = true
  readonly #sender: Sender

  constructor(host: Host, fd: number, slot: number, generation: number) {
    this.#host = host
    this.fd = fd
    this.slot = slot
    this.generation = generation
    this.deadlineMs = host.clock.nowMs + host.limits.headMs
    this.#sender = new Sender(host, this)
  }

  /** Whether nothing is being answered or received. */
  get idle(): boolean {
    return this.#state === WAITING && this.#parser === null
  }

  get closed(): boolean {
    return this.#state === CLOSED
  }

  onReceived(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === WAITING && this.#unparsed === null) {
      const rest = this.#consume(bytes, start, end)
      if (rest < end && this.#state <= ANSWERING && !this.#refused) this.#hold(bytes, rest, end)
    } else if (!this.#refused && this.#state <= ANSWERING) {
      this.#hold(bytes, start, end)
      if (this.#state === WAITING) this.#consumeHeld()
    }
    // What comes while lingering is not read.
  }

  onEnd(): void {
    this.#peerEnded = true
    if (this.#state === WAITING || this.#state === LINGERING) this.#close(false)
  }

  onGone(errno: number): void {
    if (this.#state === CLOSED) return
    if (errno === -ECONNRESET || errno === -EPIPE) this.#count(RESETS)
    if (this.#state === ANSWERING) this.onUnanswerable()
    else this.#close(false)
  }

  onSent(result: number): void {
    if (this.#state === ANSWERING) this.#sender.onSent(result)
  }

  onWritable(): void {
    if (this.#state === ANSWERING) this.#sender.advance()
  }

  onTurn(): void {
    if (this.#state === ANSWERING) this.#sender.advance()
  }

  onAnswered(): void {
    const last = this.#host.draining && this.#unparsed === null
    if (!this.#keepAlive || last) return this.#linger()
    this.#state = WAITING
    this.deadlineMs = this.#host.clock.nowMs + this.#host.limits.idleMs
    if (!this.#consuming) {
      if (this.#unparsed !== null) this.#consumeHeld()
      else this.#receiveAgain()
    }
    if (this.#peerEnded && this.#state === WAITING) this.#close(false)
  }

  /** The peer must see that the answer is not complete. */
  onUnanswerable(): void {
    this.#count(BROKEN_OFF)
    this.#sender.log('broken off')
    this.#close(true)
  }

  /** The deadline is over, or the server ends. */
  expire(): void {
    if (this.#state === CLOSED) return
    if (this.#state !== LINGERING && !this.idle) this.#count(TIMEOUTS)
    // Half a head is answered; nobody waits for an answer to nothing.
    if (this.#state === WAITING && this.#parser !== null) return this.#refuse(headTimeout)
    if (this.#state === ANSWERING) this.onUnanswerable()
    else this.#close(false)
  }

  /** No more requests than have come. */
  drain(): void {
    if (this.idle) this.#close(false)
  }

  /** The server does not wait any longer → whether an answer was not through. */
  cutOff(): boolean {
    const answering = this.#state === ANSWERING
    if (answering) this.onUnanswerable()
    else this.#close(false)
    return answering
  }

  /** Parses and answers, until a whole head is missing or an answer is not through → where the rest begins. */
  #consume(bytes: Uint8Array, start: number, end: number): number {
    const host = this.#host
    // An answer that is through at once goes on here, not inside itself: a client may ask for a thousand in one piece.
    this.#consuming = true
    while (start < end && this.#state === WAITING) {
      const parser = this.#parser ?? host.parsers.take()
      const length = parser.parse(bytes, start, end)
      if (length === INCOMPLETE) {
        if (this.#parser === null) this.deadlineMs = host.clock.nowMs + host.limits.headMs
        this.#parser = parser
        break
      }
      this.#parser = null
      if (length === REFUSED) {
        const { refusal } = parser
        host.parsers.give(parser)
        this.#refuse(refusal!)
        break
      }
      this.#answer(bytes, parser.head)
      host.parsers.give(parser)
      start += length
    }
    this.#consuming = false
    return start
  }

  #consumeHeld(): void {
    const held = this.#unparsed!
    const rest = this.#consume(held, this.#unparsedAt, held.length)
    // Where it was let go of, nothing more is answered.
    if (this.#unparsed !== null) this.#unparsedAt = rest
    if (rest === held.length) this.#unparsed = null
    if (this.#state === WAITING) this.#receiveAgain()
  }

  #receiveAgain(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#host.wire.resumeReceiving(this)
  }

  /** Keeps what cannot be parsed yet. Beyond a bound no more is received: the peer must wait. */
  #hold(bytes: Uint8Array, start: number, end: number): void {
    const held = this.#unparsed?.subarray(this.#unparsedAt)
    const rest = bytes.subarray(start, end)
    this.#unparsed = held === undefined ? Buffer.from(rest) : Buffer.concat([held, rest])
    this.#unparsedAt = 0
    if (
      this.#state === ANSWERING &&
      !this.#paused &&
      this.#unparsed.length >= this.#host.limits.heldBytesMax
    ) {
      this.#paused = true
      this.#host.wire.pauseReceiving(this)
    }
  }

  #answer(bytes: Uint8Array, head: RequestHead): void {
    const host = this.#host
    this.#state = ANSWERING
    this.#count(REQUESTS)
    this.#keepAlive = head.keepAlive && !host.draining
    this.deadlineMs = host.clock.nowMs + host.limits.stallMs
    const plain =
      (head.method === GET || head.method === HEAD) &&
      (head.present & conditions) === 0 &&
      (head.repeated & single) === 0 &&
      head.minor === 1 &&
      this.#keepAlive
    if (host.log !== null) this.#sender.note(head)
    if (plain) {
      const answer = host.cache.find(bytes, head)
      if (answer !== null) return this.#sender.sendCached(answer, head.method === HEAD)
    }
    this.#decide(new NativeQuestion(head), plain ? keyOf(bytes, head) : null)
  }

  #decide(question: NativeQuestion, key: Uint8Array | null): void {
    let reply: Reply | Promise<Reply>
    try {
      reply = this.#host.answer(question)
    } catch (error) {
      reply = thrownReply(error)
    }
    if (!(reply instanceof Promise)) return this.#reply(question, reply, key)
    reply.catch(thrownReply).then(decided => {
      if (this.#state === ANSWERING) this.#reply(question, decided, key)
      else if (isFileBody(decided.body)) decided.body.file.close()
    })
  }

  #reply(question: NativeQuestion, reply: Reply, key: Uint8Array | null): void {
    const { clock, cache } = this.#host
    const { status, body } = reply
    const lines = this.#connectionLines(question, reply)
    const head = headText(status, clock.dateText, lines)
    this.#sender.begin(status, head.length, isFileBody(body) ? 'sendfile' : '-')
    if (!isFileBody(body)) {
      if (key !== null && status === 304) cache.keepHead(key, status, head, etagOf(lines))
      const pieces: Piece[] = [{ text: head }]
      if (body !== null && !question.isHead && body.length > 0)
        pieces.push(typeof body === 'string' ? { text: body } : { bytes: body })
      return this.#sender.stream(pieces, null)
    }
    const file = new SharedFile(body.file)
    // A tag that did not match is of no use to anybody else.
    if (key !== null && status === 200 && question.header('if-none-match') === undefined)
      cache.keep(key, head, etagOf(lines), body.file, file)
    this.#sender.stream(piecesOf(head, body), file)
  }

  /** A client of HTTP/1.0 must be told that the connection stays, one of HTTP/1.1 that it does not. */
  #connectionLines(question: NativeQuestion, { lines }: Reply): string[] {
    if (!this.#keepAlive) return [...lines, 'Connection', 'close']
    return question.minor === 0 ? [...lines, 'Connection', 'keep-alive'] : lines
  }

  /** A head that is no request: it is answered, and nothing after it is read. */
  #refuse(refusal: Refusal): void {
    this.#state = ANSWERING
    this.#refused = true
    this.#unparsed = null
    this.#keepAlive = false
    this.#count(REFUSED_HEADS)
    this.deadlineMs = this.#host.clock.nowMs + this.#host.limits.stallMs
    const { status, lines, body } = statusReply(refusal.status)
    const head = headText(status, this.#host.clock.dateText, [...lines, 'Connection', 'close'])
    this.#sender.begin(status, head.length, '-')
    this.#sender.stream([{ text: head }, { text: body as string }], null)
  }

  /**
   * Ends this side only, and waits for the peer to end its own: closing at once would reset the connection where
   * something has come that was not read, and the peer might lose the answer (RFC 9112, section 9.6).
   */
  #linger(): void {
    if (this.#peerEnded) return this.#close(false)
    this.#state = LINGERING
    this.#unparsed = null
    this.deadlineMs = this.#host.clock.nowMs + this.#host.limits.lingerMs
    const { native } = this.#host
    native.shutdown(this.fd, native.SHUT_WR)
    this.#receiveAgain()
  }

  #close(reset: boolean): void {
    if (this.#state === CLOSED) return
    this.#state = CLOSED
    this.#unparsed = null
    if (this.#parser !== null) this.#host.parsers.give(this.#parser)
    this.#parser = null
    this.#sender.drop()
    // Of a send that is still with the kernel the wire knows: the bytes stay until it is back.
    this.#host.wire.close(this, reset)
  }

  /** The wire has nothing of this connection with the kernel any more. */
  onClosed(): void {
    this.#sender.release()
  }

  #count(counter: number): void {
    this.#host.counters[counter]! += 1
  }
}

const headTimeout: Refusal = { status: 408, reason: 'the head did not come in time' }

function piecesOf(head: string, { ranges, multipart }: FileBody): Piece[] {
  if (multipart === null) return [{ text: head }, { range: ranges[0]! }]
  const pieces: Piece[] = [{ text: head }]
  ranges.forEach((range, index) => {
    pieces.push({ text: multipart.heads[index]! }, { range })
  })
  pieces.push({ text: multipart.trailer })
  return pieces
}

function etagOf(lines: readonly string[]): string {
  return lines[lines.indexOf('ETag') + 1]!
}
