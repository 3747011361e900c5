/**
 * Hot: answers to the plain question, GET without conditions or ranges, as they were decided a moment ago: the head as
 * bytes, and with it a small file's bytes or a larger file open. What answers is found by the bytes of the request, so
 * that no string is made.
 *
 * An answer counts for `freshMs`; then the question is decided anew, and where the file is still the same version the
 * answer is kept. A head's date is written over when nobody sends it, and else the head is copied.
 */
import type { Opened } from '../http/opened.js'
import { ACCEPT_ENCODING } from '../http/request/field.js'
import type { RequestHead } from '../http/request/head.js'
import type { Native } from '../native/calls.js'
import type { Arena } from './arena.js'
import { type Clock, dateBytes } from './clock.js'
import { statusLine } from './head-text.js'
import { readResident } from './read-resident.js'
import type { SharedFile } from './shared-file.js'
import { Stored } from './stored.js'

/** How long an answer is given without looking at the file. A file that was replaced is noticed within twice that. */
export const freshMs = 500

/** How long an answer is kept that nobody asks for. */
const unaskedMs = 10_000

const buckets = 4096
const dateOffset = statusLine(200).length

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
  readonly etag: string
  readonly headLength: number
  /** Null where the bytes are in memory, behind the head. */
  readonly file: SharedFile | null
  /** Bytes of the body. */
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
    this.etag = init.etag
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

  /** What names the question once its bytes are gone. */
  keyOf(bytes: Uint8Array, head: RequestHead): Uint8Array {
    const { targetLength } = head
    const at = head.start + head.targetOffset
    const encodingLength = head.has(ACCEPT_ENCODING) ? head.ranges[2 * ACCEPT_ENCODING + 1]! : 0
    const key = new Uint8Array(targetLength + 1 + encodingLength)
    key.set(bytes.subarray(at, at + targetLength))
    if (encodingLength > 0) {
      const from = head.start + head.ranges[2 * ACCEPT_ENCODING]!
      key.set(bytes.subarray(from, from + encodingLength), targetLength + 1)
    }
    return key
  }

  /** Keeps an answer that was just decided: `head` as text, its status 200; the file's bytes where they are few. */
  keep(key: Uint8Array, head: string, etag: string, file: Opened, shared: SharedFile): void {
    const hash = hashOfKey(key)
    const known = this.#find(key, hash)
    if (known !== null && known.etag === etag && known.headLength === head.length) {
      known.checkedAtMs = this.#clock.nowMs
      return
    }
    if (known !== null) this.#forget(known)
    if (this.#all.length >= this.#options.answersMax) this.#forgetOne()
    const small = file.size <= this.#options.fileBytesMax
    if (!small && this.#files >= this.#options.filesMax) return
    const stored = this.#store(head.length + (small ? file.size : 0))
    if (stored === null) return
    this.#arena.text.write(head, stored.offset, 'latin1')
    if (small && !this.#readFile(file, stored.offset + head.length)) return stored.leave()
    if (!small) {
      shared.enter()
      this.#files++
    }
    this.#add(
      new CachedAnswer({
        hash,
        key,
        etag,
        headLength: head.length,
        file: small ? null : shared,
        bodyLength: file.size,
        stored,
        dateSecond: this.#clock.second,
        checkedAtMs: this.#clock.nowMs,
      }),
    )
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

  /** Only what is in memory is kept: a read that would wait for a disk is none. Else the file is sent from where it is. */
  #readFile(file: Opened, offset: number): boolean {
    const bytes = this.#arena.bytes.subarray(offset, offset + file.size)
    return readResident(this.#native, file, bytes) && file.unchanged()
  }

  #store(length: number): Stored | null {
    let stored = Stored.of(this.#arena, length)
    // Blocks of other sizes do not help, so this is not tried for ever.
    for (let attempt = 0; stored === null && attempt < 64 && this.#all.length > 0; attempt++) {
      this.#forgetOne()
      stored = Stored.of(this.#arena, length)
    }
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
    const at = answer.stored.offset + dateOffset
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

  #add(answer: CachedAnswer): void {
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

/** FNV-1a of the target, a zero, and Accept-Encoding as it was sent. */
function hashOf(bytes: Uint8Array, head: RequestHead): number {
  let hash = 0x811c9dc5
  const at = head.start + head.targetOffset
  const end = at + head.targetLength
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash = Math.imul(hash, 0x01000193)
  if (!head.has(ACCEPT_ENCODING)) return hash
  const from = head.start + head.ranges[2 * ACCEPT_ENCODING]!
  const to = from + head.ranges[2 * ACCEPT_ENCODING + 1]!
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash
}

function hashOfKey(key: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

function isKey(key: Uint8Array, bytes: Uint8Array, head: RequestHead): boolean {
  const { targetLength } = head
  const at = head.start + head.targetOffset
  const encoded = head.has(ACCEPT_ENCODING)
  const encodingLength = encoded ? head.ranges[2 * ACCEPT_ENCODING + 1]! : 0
  if (key.length !== targetLength + 1 + encodingLength) return false
  for (let i = 0; i < targetLength; i++) if (key[i] !== bytes[at + i]) return false
  if (!encoded) return true
  const from = head.start + head.ranges[2 * ACCEPT_ENCODING]!
  for (let i = 0; i < encodingLength; i++) if (key[targetLength + 1 + i] !== bytes[from + i]) return false
  return true
}
