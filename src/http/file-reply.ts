/**
 * Hot: the answer to a question for a file that was found. The file is opened for reading only when it is certain that
 * its bytes are sent, and closed where they are not.
 */
import { evaluatePreconditions, ifRangeHolds } from './conditional.js'
import { contentTypeOf } from './content-type.js'
import type { HeadLines } from './head.js'
import { frameRanges } from './multipart.js'
import type { Policy } from './policy.js'
import type { Question } from './question.js'
import { type ByteRange, parseRange } from './range.js'
import { emptyReply, errnoReply, isFileBody, type Reply, statusReply } from './reply.js'
import { type Validators, validatorsOf } from './validator.js'
import type { Representation } from './variants.js'

/** A file to answer with. */
export interface FileToSend {
  readonly representation: Representation
  /** Its name, a byte string, from which its type is known. */
  readonly name: string
  /** Its path as the functions among the options are told it. */
  readonly path: string
  /** More lines for the head. */
  readonly lines?: HeadLines
}

/** Takes over the file. Throws only what the program's own functions threw. */
export function fileReply(question: Question, toSend: FileToSend, policy: Policy): Reply {
  try {
    const reply = decide(question, toSend, policy)
    if (!isFileBody(reply.body)) toSend.representation.file.close()
    return reply
  } catch (error) {
    toSend.representation.file.close()
    throw error
  }
}

function decide(question: Question, toSend: FileToSend, policy: Policy): Reply {
  const { name, path } = toSend
  const { file, coding } = toSend.representation
  question.consult(policy, path, file)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const validators = validatorsOf(file, coding === null ? null : coding.token, nowSeconds)
  const lines = commonLines(question, toSend, validators, policy)

  // A program that sets another status answers with this file, say an error page, whatever the client has cached.
  const ordinary = question.status === 200 && question.isGetOrHead
  if (ordinary) {
    const verdict = evaluatePreconditions(question, validators)
    if (verdict === 'failed') return statusReply(412)
    if (verdict === 'not modified') return emptyReply(304, lines)
  }

  const { size } = file
  const ranges = ordinary && !question.isHead ? requestedRanges(question, validators, size, nowSeconds) : null
  if (ranges !== null && ranges.length === 0) {
    return statusReply(416, { lines: ['Content-Range', `bytes */${size}`] })
  }
  const type = question.preset('Content-Type') ?? contentTypeOf(name)
  const multipart = ranges !== null && ranges.length > 1 ? frameRanges(ranges, size, type) : null
  const sentRanges = ranges ?? [{ start: 0, end: size - 1 }]
  if (!question.isHead) {
    const opened = file.openBody()
    if (opened < 0) return errnoReply(opened)
  }

  const first = sentRanges[0]!
  lines.push('Content-Type', multipart === null ? type : multipart.contentType)
  lines.push(
    'Content-Length',
    String(multipart === null ? first.end - first.start + 1 : multipart.contentLength),
  )
  lines.push('Accept-Ranges', 'bytes', 'X-Content-Type-Options', 'nosniff')
  if (validators.lastModified !== null) lines.push('Last-Modified', validators.lastModified)
  if (coding !== null) lines.push('Content-Encoding', coding.token)
  if (ranges !== null && multipart === null) {
    lines.push('Content-Range', `bytes ${first.start}-${first.end}/${size}`)
  }
  if (toSend.lines !== undefined) lines.push(...toSend.lines)
  return {
    status: ranges === null ? question.status : 206,
    lines,
    body: question.isHead || size === 0 ? null : { file, ranges: sentRanges, multipart },
    forgets: 'nothing',
    error: null,
  }
}

/** The lines that a 304 has as well (RFC 9110, section 15.4.5). */
function commonLines(
  question: Question,
  { representation: { file, varies }, path }: FileToSend,
  { etag }: Validators,
  { cacheControl }: Policy,
): HeadLines {
  const lines = ['ETag', etag]
  if (question.preset('Cache-Control') === undefined) {
    const value = typeof cacheControl === 'function' ? cacheControl(path, file) : cacheControl
    if (value) lines.push('Cache-Control', value)
  }
  if (varies) lines.push('Vary', 'Accept-Encoding')
  return lines
}

function requestedRanges(
  question: Question,
  validators: Validators,
  size: number,
  nowSeconds: number,
): readonly ByteRange[] | null {
  const range = question.header('range')
  if (range === undefined) return null
  return ifRangeHolds(question.header('if-range'), validators, nowSeconds) ? parseRange(range, size) : null
}
