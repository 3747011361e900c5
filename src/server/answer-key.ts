/**
 * Hot: what names an answer: the target as it was asked for, and as they were sent the fields that choose among its
 * answers, each behind a zero, which none of them can hold: Accept-Encoding, and If-None-Match where there is one.
 *
 * A question is found by the bytes of its head; a key is made only of what is kept.
 */
import { ACCEPT_ENCODING, IF_NONE_MATCH } from '../http/request/field.js'
import type { RequestHead } from '../http/request/head.js'

/** FNV-1a */
const basis = 0x811c9dc5
const prime = 0x01000193

/** The hash of the key that `keyOf` makes of the same head. */
export function hashOf(bytes: Uint8Array, head: RequestHead): number {
  const at = head.start + head.targetOffset
  let hash = hashed(basis, bytes, at, at + head.targetLength)
  hash = hashedField(hash, bytes, head, ACCEPT_ENCODING)
  return head.has(IF_NONE_MATCH) ? hashedField(hash, bytes, head, IF_NONE_MATCH) : hash
}

export function hashOfKey(key: Uint8Array): number {
  return hashed(basis, key, 0, key.length)
}

export function isKey(key: Uint8Array, bytes: Uint8Array, head: RequestHead): boolean {
  const { targetLength } = head
  const end = targetLength + 1 + lengthOf(head, ACCEPT_ENCODING)
  const conditional = head.has(IF_NONE_MATCH)
  const length = conditional ? end + 1 + lengthOf(head, IF_NONE_MATCH) : end
  if (key.length !== length || !isAt(key, 0, bytes, head.start + head.targetOffset, targetLength))
    return false
  if (!isFieldAt(key, targetLength, bytes, head, ACCEPT_ENCODING)) return false
  return !conditional || isFieldAt(key, end, bytes, head, IF_NONE_MATCH)
}

/** What names the question once its bytes are gone. */
export function keyOf(bytes: Uint8Array, head: RequestHead): Uint8Array {
  const fields = head.has(IF_NONE_MATCH) ? [ACCEPT_ENCODING, IF_NONE_MATCH] : [ACCEPT_ENCODING]
  const key = new Uint8Array(
    fields.reduce((sum, field) => sum + 1 + lengthOf(head, field), head.targetLength),
  )
  const target = head.start + head.targetOffset
  key.set(bytes.subarray(target, target + head.targetLength))
  let at = head.targetLength
  for (const field of fields) {
    const from = head.start + head.ranges[2 * field]!
    const length = lengthOf(head, field)
    if (length > 0) key.set(bytes.subarray(from, from + length), at + 1)
    at += 1 + length
  }
  return key
}

function lengthOf(head: RequestHead, field: number): number {
  return head.has(field) ? head.ranges[2 * field + 1]! : 0
}

/** As if a zero went before the value. */
function hashedField(hash: number, bytes: Uint8Array, head: RequestHead, field: number): number {
  const from = head.start + head.ranges[2 * field]!
  return hashed(Math.imul(hash, prime), bytes, from, from + lengthOf(head, field))
}

function hashed(hash: number, bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, prime)
  return hash
}

/** Whether the key has a zero at `at`, and the field's value behind it. */
function isFieldAt(
  key: Uint8Array,
  at: number,
  bytes: Uint8Array,
  head: RequestHead,
  field: number,
): boolean {
  const from = head.start + head.ranges[2 * field]!
  return key[at] === 0 && isAt(key, at + 1, bytes, from, lengthOf(head, field))
}

function isAt(key: Uint8Array, at: number, bytes: Uint8Array, from: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (key[at + i] !== bytes[from + i]) return false
  return true
}
