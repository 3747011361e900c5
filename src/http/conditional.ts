/** Preconditions of a request (RFC 9110, section 13), compared with the file as it is now. */
import { parseHttpDate } from './http-date.js'
import type { Question } from './question.js'
import type { Validators } from './validator.js'

/** What the preconditions say: go on, answer 304, or answer 412. */
export type Verdict = 'proceed' | 'not modified' | 'failed'

const entityTag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/y
const beforeTags = /[ \t]*(?:,[ \t]*)*/y
const betweenTags = /[ \t]*(?:,[ \t]*)+/y

/** Evaluates a GET or HEAD in the order of section 13.2.2; If-Range comes after it, and only where there is a Range. */
export function evaluatePreconditions(question: Pick<Question, 'header'>, validators: Validators): Verdict {
  const ifMatch = question.header('if-match')
  if (ifMatch !== undefined) {
    if (!matchesStrongly(ifMatch, validators.etag)) return 'failed'
  } else if (changedSince(question.header('if-unmodified-since'), validators) === true) {
    return 'failed'
  }
  const ifNoneMatch = question.header('if-none-match')
  if (ifNoneMatch !== undefined) {
    return matchesWeakly(ifNoneMatch, validators.etag) ? 'not modified' : 'proceed'
  }
  return changedSince(question.header('if-modified-since'), validators) === false ? 'not modified' : 'proceed'
}

/**
 * Whether a Range may be honoured (section 13.1.5): what the client has a part of must be this very version. A weak
 * tag never is; a date is only where it equals Last-Modified and the second it names was over when the client can
 * have asked (section 8.8.2.2).
 */
export function ifRangeHolds(
  ifRange: string | undefined,
  validators: Validators,
  nowSeconds: number,
): boolean {
  if (ifRange === undefined || ifRange === validators.etag) return true
  const { lastModifiedSeconds } = validators
  if (lastModifiedSeconds === null || nowSeconds - lastModifiedSeconds < 1) return false
  return parseHttpDate(ifRange) === lastModifiedSeconds
}

/** Whether the file changed after the date; null where there is no date to compare. */
function changedSince(header: string | undefined, { lastModifiedSeconds }: Validators): boolean | null {
  if (header === undefined || lastModifiedSeconds === null) return null
  const since = parseHttpDate(header)
  return since === null ? null : lastModifiedSeconds > since
}

/** Strong comparison (section 8.8.3.2): a weak tag equals nothing. */
function matchesStrongly(header: string, etag: string): boolean {
  return listMatches(header, tag => tag === etag)
}

/** Weak comparison: proxies that compress make our strong tag weak. */
function matchesWeakly(header: string, etag: string): boolean {
  return listMatches(header, tag => tag === etag || (tag.startsWith('W/') && tag.slice(2) === etag))
}

/** Whether the header is `*` or lists a tag that matches; what follows a mistake in the list is not looked at. */
function listMatches(header: string, matches: (tag: string) => boolean): boolean {
  if (header.trim() === '*') return true
  let position = skip(beforeTags, header, 0)
  while (position < header.length) {
    const end = skip(entityTag, header, position)
    if (end === position) return false
    if (matches(header.slice(position, end))) return true
    position = skip(betweenTags, header, end)
    if (position === end) return false
  }
  return false
}

/** Where the match of a sticky pattern at `position` ends; `position` itself where there is none. */
function skip(pattern: RegExp, text: string, position: number): number {
  pattern.lastIndex = position
  return pattern.test(text) ? pattern.lastIndex : position
}
