/** Answers that are no files: errors, redirections, and what happens to a connection that cannot be saved. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { type Http2ServerResponse, constants as http2 } from 'node:http2'
import { constants } from 'node:os'
import { SluiceError, systemError } from '../base/errors.js'
import type { Exchange, SendFileResult } from './exchange.js'
import { forgetFile, type HeadLines, sendHead } from './head.js'

const { EACCES, EAGAIN, EBADF, EMFILE, ENFILE, ENOMEM, EPERM } = constants.errno
const { EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENODEV, ENOENT, ENOTDIR, ENXIO, EXDEV } = constants.errno
const missing = new Set([EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENODEV, ENOENT, ENOTDIR, ENXIO, EXDEV])
const forbidden = new Set([EACCES, EPERM])
const exhausted = new Set([EAGAIN, EBADF, EMFILE, ENFILE, ENOMEM])

/** The status for a file that could not be opened; `errno` is negative. What is refused looks like what is missing. */
export function statusOf(errno: number): number {
  if (missing.has(-errno)) return 404
  if (forbidden.has(-errno)) return 403
  return exhausted.has(-errno) ? 503 : 500
}

/** Answers with a status and its name as text. */
export function answerStatus(
  exchange: Exchange,
  status: number,
  { lines = [], error = null }: { lines?: HeadLines; error?: Error | null } = {},
): SendFileResult {
  const { res } = exchange
  const text = `${status} ${STATUS_CODES[status] ?? ''}\n`
  forgetFile(res)
  sendHead(res, status, [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(text.length),
    'X-Content-Type-Options',
    'nosniff',
    ...(status === 503 ? ['Retry-After', '1'] : []),
    ...lines,
  ])
  if (exchange.isHead) {
    res.end()
    return exchange.result({ error })
  }
  res.end(text)
  return exchange.result({ bytes: text.length, error })
}

/** Answers that a file could not be opened; `errno` is negative. What is not the client's fault is in the result. */
export function answerErrno(exchange: Exchange, errno: number): SendFileResult {
  const status = statusOf(errno)
  const error = status < 500 ? null : systemError(errno, 'openat2', 'Opening a file to send it')
  return answerStatus(exchange, status, { error })
}

/** What the program's own functions threw: 500, or where the head is out the end of the connection. */
export function answerThrown(exchange: Exchange, thrown: unknown): SendFileResult {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  if (!exchange.res.headersSent) {
    try {
      return answerStatus(exchange, 500, { error })
    } catch {
      // A header that cannot be sent was set before: there is no answer that Node would send.
    }
  }
  breakOff(exchange.res)
  return exchange.result({ error })
}

/** Answers without a body: 204 and 304. */
export function answerEmpty(exchange: Exchange, status: number, lines: HeadLines): SendFileResult {
  sendHead(exchange.res, status, lines)
  exchange.res.end()
  return exchange.result()
}

/** Breaks off a response whose head is out: the peer must see that it is not complete. */
export function breakOff(res: ServerResponse): void {
  const { stream } = res as unknown as Partial<Http2ServerResponse>
  if (stream !== undefined) stream.close(http2.NGHTTP2_INTERNAL_ERROR)
  else res.destroy()
}

/** Why a request was not answered whose connection closed while it waited for its turn. */
export function peerGone(): SluiceError {
  return new SluiceError('ERR_SLUICE_PEER_CLOSED', 'The connection closed before the request was answered')
}
