/**
 * Hot: the answer to a request for a file that was found.
 *
 * Everything up to the head happens in one go, and the body is opened only when it is certain that it is sent. The
 * file is closed on every way out.
 */
import { ServerResponse } from 'node:http'
import { SluiceError } from '../base/errors.js'
import { Job, type TransferOptions } from '../transfer/job.js'
import { answerEmpty, answerErrno, answerStatus, breakOff } from './answer.js'
import { evaluatePreconditions, ifRangeHolds } from './conditional.js'
import { contentTypeOf } from './content-type.js'
import type { Exchange, SendFileResult } from './exchange.js'
import { forgetBody, type HeadLines, presetHeader, sendHead } from './head.js'
import { frameRanges, type Multipart } from './multipart.js'
import type { Opened } from './opened.js'
import type { Policy } from './policy.js'
import { type ByteRange, parseRange } from './range.js'
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

export interface RespondOptions {
  policy: Policy
  signal?: AbortSignal | undefined
}

/** Takes over the file and answers with it. Rejects or throws only what the program's own functions threw. */
export function respond(
  exchange: Exchange,
  toSend: FileToSend,
  options: RespondOptions,
): SendFileResult | Promise<SendFileResult> {
  try {
    return answer(exchange, toSend, options)
  } catch (error) {
    toSend.representation.file.close()
    throw error
  }
}

/** The part of the file, or all of it, that is the body. */
interface Body {
  readonly ranges: readonly ByteRange[]
  /** Null where there is one range. */
  readonly multipart: Multipart | null
}

function answer(
  exchange: Exchange,
  toSend: FileToSend,
  options: RespondOptions,
): SendFileResult | Promise<SendFileResult> {
  const { req, res } = exchange
  const { name, path } = toSend
  const { file, coding } = toSend.representation
  const { policy } = options
  policy.setHeaders?.(res, path, file)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const validators = validatorsOf(file, coding === null ? null : coding.token, nowSeconds)
  const lines = commonLines(exchange, toSend, validators, policy)

  // A program that sets another status answers with this file, say an error page, whatever the client has cached.
  const ordinary = res.statusCode === 200 && exchange.isGetOrHead
  if (ordinary) {
    const verdict = evaluatePreconditions(req.headers, validators)
    if (verdict !== 'proceed') {
      file.close()
      if (verdict === 'failed') return answerStatus(exchange, 412)
      forgetBody(res)
      return answerEmpty(exchange, 304, lines)
    }
  }

  const { size } = file
  const ranges = ordinary && !exchange.isHead ? requestedRanges(exchange, validators, size, nowSeconds) : null
  if (ranges !== null && ranges.length === 0) {
    file.close()
    return answerStatus(exchange, 416, { lines: ['Content-Range', `bytes */${size}`] })
  }
  const type = presetHeader(res, 'Content-Type') ?? contentTypeOf(name)
  const multipart = ranges !== null && ranges.length > 1 ? frameRanges(ranges, size, type) : null
  const whole = { start: 0, end: size - 1 }
  const body = { ranges: ranges ?? [whole], multipart }
  if (!exchange.isHead) {
    const opened = file.openBody()
    if (opened < 0) {
      file.close()
      return answerErrno(exchange, opened)
    }
  }

  const first = body.ranges[0]!
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
  sendHead(res, ranges === null ? res.statusCode : 206, lines)
  if (exchange.isHead || size === 0) {
    file.close()
    res.end()
    return exchange.result()
  }
  return sendBody(exchange, file, body, options)
}

/** The lines that a 304 has as well (RFC 9110, section 15.4.5). */
function commonLines(
  { res }: Exchange,
  { representation: { file, varies }, path }: FileToSend,
  { etag }: Validators,
  { cacheControl }: Policy,
): HeadLines {
  const lines = ['ETag', etag]
  if (presetHeader(res, 'Cache-Control') === undefined) {
    const value = typeof cacheControl === 'function' ? cacheControl(path, file) : cacheControl
    if (value) lines.push('Cache-Control', value)
  }
  if (varies) lines.push('Vary', 'Accept-Encoding')
  return lines
}

function requestedRanges(
  { req }: Exchange,
  validators: Validators,
  size: number,
  nowSeconds: number,
): readonly ByteRange[] | null {
  const { range } = req.headers
  if (range === undefined) return null
  // Node's types say that it may be a list; repeated, it is joined into one text, which is no validator.
  const ifRange = req.headers['if-range'] as string | undefined
  return ifRangeHolds(ifRange, validators, nowSeconds) ? parseRange(range, size) : null
}

function sendBody(
  exchange: Exchange,
  file: Opened,
  { ranges, multipart }: Body,
  { policy, signal }: RespondOptions,
): SendFileResult | Promise<SendFileResult> {
  const { res } = exchange
  const options: TransferOptions = { prefer: pathFor(res, policy), signal }
  if (multipart !== null) return sendParts(exchange, file, ranges, multipart, options)
  const { start, end } = ranges[0]!
  const length = end - start + 1
  const sent = new Job({ fd: file.fd, start, length, file, announced: length }, res, options).run()
  if (sent instanceof Promise) {
    return sent.then(
      result => finish(exchange, file, result),
      error => fail(exchange, file, error, 0),
    )
  }
  return finish(exchange, file, sent)
}

async function sendParts(
  exchange: Exchange,
  file: Opened,
  ranges: readonly ByteRange[],
  { heads, trailer, contentLength }: Multipart,
  options: TransferOptions,
): Promise<SendFileResult> {
  const { res } = exchange
  const sent = { bytes: 0, path: null as SendFileResult['path'], copied: 0 }
  try {
    for (let index = 0; index < ranges.length; index++) {
      const { start, end } = ranges[index]!
      const range = { fd: file.fd, start, length: end - start + 1, file, announced: contentLength }
      res.write(heads[index]!, 'latin1')
      const result = await new Job(range, res, options).run()
      sent.bytes += result.bytes
      sent.copied += result.copied
      sent.path = result.path
    }
    res.write(trailer, 'latin1')
    return finish(exchange, file, sent)
  } catch (error) {
    return fail(exchange, file, error, sent.bytes)
  }
}

function finish(
  exchange: Exchange,
  file: Opened,
  { bytes, path, copied }: Pick<SendFileResult, 'bytes' | 'path' | 'copied'>,
): SendFileResult {
  file.close()
  if (!exchange.res.writableEnded) exchange.res.end()
  return exchange.result({ bytes, path, copied })
}

/** Breaks the response off: its head is out, and the body is not complete. */
function fail(exchange: Exchange, file: Opened, thrown: unknown, sentBefore: number): SendFileResult {
  file.close()
  breakOff(exchange.res)
  const sentBytes = thrown instanceof SluiceError ? (thrown.bytes ?? 0) : 0
  return exchange.result({ bytes: sentBefore + sentBytes, error: thrown as Error })
}

/** Middleware that replaced write() wants the bytes to pass through it, say to compress them. */
function pathFor(res: ServerResponse, policy: Policy): Policy['prefer'] {
  return res.write === ServerResponse.prototype.write ? policy.prefer : 'copy'
}
