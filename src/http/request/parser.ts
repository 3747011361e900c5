/**
 * Hot: the parser of request heads (RFC 9112, sections 2 to 5), for a server that reads no content.
 *
 * Bytes are looked at once, whatever pieces they come in: between two calls the parser remembers what it was in the
 * middle of, and where that began. What is refused is therefore refused at the same byte, for the same reason,
 * however the head was cut. Nothing is repaired; see `refusal.ts` for what is refused, and why.
 */
import { COLON, CR, isSpace, LF, SP, targetBytes, tokenBytes } from './bytes.js'
import { fieldOf, OTHER } from './field.js'
import { RequestHead } from './head.js'
import { type RequestLimits, resolveRequestLimits } from './limits.js'
import { methodOf, UNKNOWN } from './method.js'
import { afterMethod, afterName, afterTarget, afterValue, type Refusal, refusals } from './refusal.js'
import { checkHead, takeField } from './rules.js'
import { checkTarget } from './target-form.js'
import { Words } from './value-end.js'

/** What `parse` returns when the head is not complete. */
export const INCOMPLETE = 0
/** What it returns when the head is refused. */
export const REFUSED = -1

/** Empty lines before a request line that are passed over (RFC 9112, section 2.2). */
const emptyLinesMax = 2
/** A method longer than any that a server knows is not read to its end (RFC 9112, section 3). */
const methodBytesMax = 32

/** What the parser is in the middle of, in the order in which a head has it. */
const EMPTY_LINE = 0
const EMPTY_LINE_LF = 1
const METHOD = 2
const TARGET = 3
const VERSION = 4
const REQUEST_LF = 5
const FIELD = 6
const NAME = 7
const SPACE = 8
const VALUE = 9
const VALUE_LF = 10
const HEAD_LF = 11
const COMPLETE = 12
const FAILED = 13

const nothing = new Uint8Array(0)

/** `HTTP/1.1` and CR; digits are looked at by themselves. */
const versionText = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, 0x30, 0x2e, 0x30, CR)
const majorPlace = 5
const minorPlace = 7

export class RequestParser {
  readonly head = new RequestHead()
  /** Why the head is refused; null unless it is. */
  refusal: Refusal | null = null
  readonly #headBytesMax: number
  readonly #fieldsMax: number
  readonly #targetBytesMax: number
  #state = EMPTY_LINE
  /** How many bytes of the head were looked at. */
  #done = 0
  /** Where the method, target, version, name or value in hand begins. */
  #mark = 0
  #emptyLines = 0
  #fields = 0
  /** The field whose value is in hand. */
  #field = OTHER
  #major = 0
  #words = new Words(nothing)

  /** @throws ERR_SLUICE_OPTION where a limit is not a number within its own limits */
  constructor(limits: RequestLimits = {}) {
    const { headBytesMax, fieldsMax, targetBytesMax } = resolveRequestLimits(limits)
    this.#headBytesMax = headBytesMax
    this.#fieldsMax = fieldsMax
    this.#targetBytesMax = targetBytesMax
  }

  /** Whether a head has begun and is neither complete nor refused. */
  get inHead(): boolean {
    return this.#done > 0 && this.#state < COMPLETE
  }

  /** Forgets everything, for another connection. */
  reset(): void {
    this.head.clear()
    this.refusal = null
    this.#state = EMPTY_LINE
    this.#done = 0
    this.#emptyLines = 0
    this.#fields = 0
  }

  /**
   * Reads the head that begins at `start`, of which the bytes before `end` have come; the call after a complete head
   * begins the next one.
   *
   * @returns the head's length in bytes, after which the next may follow; INCOMPLETE, to be called again with the
   *   same head and more bytes, wherever they are by then; REFUSED, for `refusal`'s reason, now and until `reset()`
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    if (this.#state === FAILED) return REFUSED
    if (this.#state === COMPLETE) this.reset()
    const { head } = this
    head.place(bytes, start)
    if (bytes !== this.#words.bytes) this.#words = new Words(bytes)
    const limit = Math.min(end, start + this.#headBytesMax)
    if (this.#state < FIELD) this.#readRequestLine(bytes, start, limit)
    if (this.#state >= FIELD && this.#state < COMPLETE) this.#readFields(bytes, start, limit)
    if (this.#state === COMPLETE) return head.length
    if (this.#state === FAILED) return REFUSED
    if (this.#done < this.#headBytesMax) return INCOMPLETE
    this.#refuse(this.#state === TARGET ? refusals.targetLength : refusals.headLength)
    return REFUSED
  }

  #readRequestLine(bytes: Uint8Array, start: number, limit: number): void {
    const { head } = this
    let at = start + this.#done
    while (this.#state <= EMPTY_LINE_LF) {
      if (at >= limit) return this.#pause(at - start)
      const byte = bytes[at]!
      if (this.#state === EMPTY_LINE_LF) {
        if (byte !== LF) return this.#refuse(refusals.bareCr)
        this.#state = EMPTY_LINE
      } else if (byte === CR) {
        if (++this.#emptyLines > emptyLinesMax) return this.#refuse(refusals.emptyLines)
        this.#state = EMPTY_LINE_LF
      } else {
        this.#mark = at - start
        this.#state = METHOD
        break
      }
      at++
    }

    if (this.#state === METHOD) {
      const from = start + this.#mark
      const stop = Math.min(limit, from + methodBytesMax + 1)
      while (at < stop && tokenBytes[bytes[at]!] !== 0) at++
      if (at - from > methodBytesMax) return this.#refuse(refusals.methodUnknown)
      if (at >= limit) return this.#pause(at - start)
      if (bytes[at] !== SP || at === from) return this.#refuse(afterMethod(bytes[at]!))
      head.method = methodOf(bytes, from, at - from)
      at++
      this.#mark = at - start
      this.#state = TARGET
    }

    if (this.#state === TARGET) {
      const from = start + this.#mark
      const stop = Math.min(limit, from + this.#targetBytesMax + 1)
      while (at < stop && targetBytes[bytes[at]!] !== 0) at++
      if (at - from > this.#targetBytesMax) return this.#refuse(refusals.targetLength)
      if (at >= limit) return this.#pause(at - start)
      if (bytes[at] !== SP || at === from) return this.#refuse(afterTarget(bytes[at]!))
      head.targetOffset = this.#mark
      head.targetLength = at - from
      at++
      this.#mark = at - start
      this.#state = VERSION
    }

    if (this.#state === VERSION) {
      const from = start + this.#mark
      const to = from + versionText.length
      while (at < to) {
        if (at >= limit) return this.#pause(at - start)
        const refusal = this.#takeVersionByte(at - from, bytes[at]!)
        if (refusal !== null) return this.#refuse(refusal)
        at++
      }
      this.#state = REQUEST_LF
    }

    if (at >= limit) return this.#pause(at - start)
    if (bytes[at] !== LF) return this.#refuse(refusals.bareCr)
    if (head.method === UNKNOWN) return this.#refuse(refusals.methodUnknown)
    const refusal = checkTarget(head, bytes)
    if (refusal !== null) return this.#refuse(refusal)
    at++
    head.fieldsOffset = at - start
    this.#state = FIELD
    this.#done = at - start
  }

  #takeVersionByte(place: number, byte: number): Refusal | null {
    if (place !== majorPlace && place !== minorPlace) {
      if (byte === versionText[place]) return null
      return byte === LF ? refusals.bareLf : refusals.version
    }
    const digit = byte - 0x30
    if (digit < 0 || digit > 9) return refusals.version
    if (place === majorPlace) this.#major = digit
    else if (this.#major !== 1) return refusals.versionUnknown
    else this.head.minor = digit === 0 ? 0 : 1
    return null
  }

  #readFields(bytes: Uint8Array, start: number, limit: number): void {
    const { head } = this
    let at = start + this.#done
    let state = this.#state
    for (;;) {
      if (state === FIELD) {
        if (at >= limit) break
        if (bytes[at] === CR) {
          at++
          state = HEAD_LF
        } else {
          if (isSpace(bytes[at]!)) return this.#refuse(refusals.fold)
          if (++this.#fields > this.#fieldsMax) return this.#refuse(refusals.fieldCount)
          this.#mark = at - start
          state = NAME
        }
      }
      if (state === HEAD_LF) {
        if (at >= limit) break
        if (bytes[at] !== LF) return this.#refuse(refusals.bareCr)
        const refusal = checkHead(head)
        if (refusal !== null) return this.#refuse(refusal)
        head.length = at + 1 - start
        this.#state = COMPLETE
        return
      }
      if (state === NAME) {
        while (at < limit && tokenBytes[bytes[at]!] !== 0) at++
        if (at >= limit) break
        const from = start + this.#mark
        if (bytes[at] !== COLON || at === from) return this.#refuse(afterName(bytes[at]!))
        this.#field = fieldOf(bytes, from, at - from)
        at++
        state = SPACE
      }
      if (state === SPACE) {
        while (at < limit && isSpace(bytes[at]!)) at++
        if (at >= limit) break
        this.#mark = at - start
        state = VALUE
      }
      if (state === VALUE) {
        at = this.#words.valueEnd(at, limit)
        if (at >= limit) break
        if (bytes[at] !== CR) return this.#refuse(afterValue(bytes[at]!))
        at++
        state = VALUE_LF
      }
      if (at >= limit) break
      if (bytes[at] !== LF) return this.#refuse(refusals.bareCr)
      if (this.#field !== OTHER) {
        const from = start + this.#mark
        let to = at - 1
        while (to > from && isSpace(bytes[to - 1]!)) to--
        const refusal = takeField(head, bytes, this.#field, from, to)
        if (refusal !== null) return this.#refuse(refusal)
      }
      at++
      state = FIELD
    }
    this.#state = state
    this.#pause(at - start)
  }

  /** Waits for more bytes. */
  #pause(done: number): void {
    this.#done = done
  }

  #refuse(refusal: Refusal): void {
    this.refusal = refusal
    this.#state = FAILED
  }
}
