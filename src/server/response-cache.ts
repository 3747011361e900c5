/**
 * Hot: answers to the plain question, a GET without ranges or conditions other than If-None-Match, as they were decided
 * a moment ago: the head as bytes, and with it a small file's bytes or a larger file open. What answers is found by the
 * bytes of the request, so that no string is made.
 *
 * An answer counts for `freshMs`; then the question is decided anew, and where the file is still the same version the
 * answer is kept. A head's date is written over when nobody sends it, and else the head is copied.
 */
import type { Opened } from '../http/opened.js'
import type { RequestHead } from '../http/request/head.js'
import type { Native } from '../native/calls.js'
import { hashOf, hashOfKey, isKey } from './answer-key.js'
import type { Arena } from './arena.js'
import { type Clock, dateBytes } from './clock.js'
import { statusLine } from './head-text.js'
import { readResident } from './read-resident.js'
import type { SharedFile } from './shared-file.js'
import { Stored } from './stored.js'

/** How long an answer is given without looking at the file. A file that was replaced is noticed within twice that. */
export const freshMs = 500

/**
 * How long ago a file must have changed for its bytes to be kept, in milliseconds. Its time is set when a write begins,
 * and before Linux 6.13 all writes of up to 10 ms have the same: what is read meanwhile may be a mixture that looks
 * like the new version ever after.
 */
export const settledMs = 100

/** How long an answer is kept that nobody asks for. */
const unaskedMs = 10_000

const buckets = 4096

export interface CacheOptions {
  /** How many answers are remembered at most. */
  answersMax: number
  /** How many larger files stay open at most. */
  filesMax: number
  /** Files of at most so many bytes are kept in memory; of larger ones the head is, and the file stays open. */
  fileBytesMax: number
}

export class CachedAnswer {
  readonly hash: number
  readonly key: Uint8Array
  readonly status: number
  readonly etag: string
  /** Where in the head the date is. */
  readonly dateOffset: number
  readonly headLength: number
  /** Null where the bytes are in memory, behind the head, or there are none. */
  readonly file: SharedFile | null
  /** Bytes of the body; 0 where there is none. */
  readonly bodyLength: number
  stored: Stored
  dateSecond: number
  checkedAtMs: number
  /** It was asked for since the hand of the clock came by. */
  recent = true
  next: CachedAnswer | null = null

  constructor(init: Pick<CachedAnswer, AnswerFields>) {
    this.hash = init.hash
    this.key = init.key
    this.status = init.status
    this.etag = init.etag
    this.dateOffset = statusLine(init.status).length
    this.headLength = init.headLength
    this.file = init.file
    this.bodyLength = init.bodyLength
    this.stored = init.stored
    this.dateSecond = init.dateSecond
    this.checkedAtMs = init.checkedAtMs
  }
}

type AnswerFields =
  | 'hash'
  | 'key'
  | 'status'
  | 'etag'
  | 'headLength'
  | 'file'
  | 'bodyLength'
  | 'stored'
  | 'dateSecond'
  | 'checkedAtMs'

export class ResponseCache {
  readonly #native: Native
  readonly #arena: Arena
  readonly #clock: Clock
  readonly #options: CacheOptions
  readonly #buckets = new Array<CachedAnswer | null>(buckets).fill(null)
  /** All of them, for the hand that looks for what nobody asks for. */
  readonly #all: CachedAnswer[] = []
  #hand = 0
  #files = 0

  constructor(native: Native, arena: Arena, clock: Clock, options: CacheOptions) {
    this.#native = native
    this.#arena = arena
    this.#clock = clock
    this.#options = options
  }

  /** The answer to a question, or null where it is to be decided (anew). */
  find(bytes: Uint8Array, head: RequestHead): CachedAnswer | null {
    const answer = this.#lookUp(bytes, head, hashOf(bytes, head))
    if (answer === null || this.#clock.nowMs - answer.checkedAtMs > freshMs) return null
    answer.recent = true
    return answer.dateSecond === this.#clock.second || this.#redate(answer) ? answer : null
  }

  /**
   * Keeps an answer that was just decided: `head` as text, its status 200; the file's bytes where they are few. A
   * small file that has changed just now is not kept.
   */
  keep(key: Uint8Array, head: string, etag: string, file: Opened, shared: SharedFile): void {
    const hash = hashOfKey(key)
    if (this.#renew(key, hash, etag, head.length)) return
    const small = file.size <= this.#options.fileBytesMax
    if (small ? !this.#isSettled(file) : this.#files >= this.#options.filesMax) return
    const stored = this.#store(head, small ? file.size : 0)
    if (stored === null) return
    if (small && !this.#readFile(file, stored.offset + head.length)) return stored.leave()
    if (!small) {
      shared.enter()
      this.#files++
    }
    this.#add({
      hash,
      key,
      status: 200,
      etag,
      headLength: head.length,
      file: small ? null : shared,
      bodyLength: file.size,
      stored,
    })
  }

  /** Keeps an answer without a body. */
  keepHead(key: Uint8Array, status: number, head: string, etag: string): void {
    const hash = hashOfKey(key)
    if (this.#renew(key, hash, etag, head.length)) return
    const stored = this.#store(head, 0)
    if (stored === null) return
    this.#add({ hash, key, status, etag, headLength: head.length, file: null, bodyLength: 0, stored })
  }

  /** Forgets what nobody has asked for lately: a file that was removed must not take up its disk for ever. */
  sweep(): void {
    for (let place = this.#all.length - 1; place >= 0; place--) {
      const answer = this.#all[place]!
      if (this.#clock.nowMs - answer.checkedAtMs > unaskedMs) this.#forget(answer)
    }
  }

  /** Forgets everything. */
  clear(): void {
    while (this.#all.length > 0) this.#forget(this.#all[0]!)
  }

  /** Whether the answer was kept before and holds again; else it is forgotten, and there is a place for another. */
  #renew(key: Uint8Array, hash: number, etag: string, headLength: number): boolean {
    const known = this.#find(key, hash)
    if (known !== null && known.etag === etag && known.headLength === headLength) {
      known.checkedAtMs = this.#clock.nowMs
      return true
    }
    if (known !== null) this.#forget(known)
    if (this.#all.length >= this.#options.answersMax) this.#forgetOne()
    return false
  }

  #isSettled({ ctimeSeconds, ctimeNanoseconds }: Opened): boolean {
    const changedMs = ctimeSeconds * 1000 + ctimeNanoseconds / 1e6
    // A server of files may be ahead of this clock.
    return Math.abs(this.#clock.nowMs - changedMs) >= settledMs
  }

  /** Only what is in memory is kept: a read that would wait for a disk is none. Else the file is sent from where it is. */
  #readFile(file: Opened, offset: number): boolean {
    const bytes = this.#arena.bytes.subarray(offset, offset + file.size)
    return readResident(this.#native, file, bytes) && file.unchanged()
  }

  /** The head in memory, with room for so many bytes behind it; null where there is none. */
  #store(head: string, bodyBytes: number): Stored | null {
    const length = head.length + bodyBytes
    let stored = Stored.of(this.#arena, length)
    // Blocks of other sizes do not help, so this is not tried for ever.
    for (let attempt = 0; stored === null && attempt < 64 && this.#all.length > 0; attempt++) {
      this.#forgetOne()
      stored = Stored.of(this.#arena, length)
    }
    if (stored !== null) this.#arena.text.write(head, stored.offset, 'latin1')
    return stored
  }

  #redate(answer: CachedAnswer): boolean {
    if (answer.stored.inUse) {
      const { offset, length } = answer.stored
      const copy = Stored.of(this.#arena, length)
      if (copy === null) return false
      this.#arena.bytes.copyWithin(copy.offset, offset, offset + length)
      answer.stored.leave()
      answer.stored = copy
    }
    const { date, second } = this.#clock
    const at = answer.stored.offset + answer.dateOffset
    for (let i = 0; i < dateBytes; i++) this.#arena.bytes[at + i] = date[i]!
    answer.dateSecond = second
    return true
  }

  #lookUp(bytes: Uint8Array, head: RequestHead, hash: number): CachedAnswer | null {
    let answer = this.#buckets[hash & (buckets - 1)] ?? null
    while (answer !== null && !(answer.hash === hash && isKey(answer.key, bytes, head))) {
      answer = answer.next
    }
    return answer
  }

  #find(key: Uint8Array, hash: number): CachedAnswer | null {
    let answer = this.#buckets[hash & (buckets - 1)] ?? null
    while (answer !== null && Buffer.compare(answer.key, key) !== 0) answer = answer.next
    return answer
  }

  #add(fields: Omit<Pick<CachedAnswer, AnswerFields>, 'dateSecond' | 'checkedAtMs'>): void {
    const { second: dateSecond, nowMs: checkedAtMs } = this.#clock
    const answer = new CachedAnswer({ ...fields, dateSecond, checkedAtMs })
    const bucket = answer.hash & (buckets - 1)
    answer.next = this.#buckets[bucket] ?? null
    this.#buckets[bucket] = answer
    this.#all.push(answer)
  }

  /** The first that nobody asked for since the hand came by last. */
  #forgetOne(): void {
    for (;;) {
      if (this.#hand >= this.#all.length) this.#hand = 0
      const answer = this.#all[this.#hand]!
      if (!answer.recent) return this.#forget(answer)
      answer.recent = false
      this.#hand++
    }
  }

  #forget(answer: CachedAnswer): void {
    const bucket = answer.hash & (buckets - 1)
    let before = this.#buckets[bucket]!
    if (before === answer) {
      this.#buckets[bucket] = answer.next
    } else {
      while (before.next !== answer) before = before.next!
      before.next = answer.next
    }
    const place = this.#all.indexOf(answer)
    this.#all[place] = this.#all[this.#all.length - 1]!
    this.#all.pop()
    answer.stored.leave()
    if (answer.file !== null) {
      this.#files--
      answer.file.leave()
    }
  }
}
