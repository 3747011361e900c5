/** What is to be answered, whatever server sends it: decided as a whole before the first byte goes out. */
import { STATUS_CODES } from 'node:http'
import { constants } from 'node:os'
import { systemError } from '../base/errors.js'
import type { HeadLines } from './head.js'
import type { Multipart } from './multipart.js'
import type { Opened } from './opened.js'
import type { ByteRange } from './range.js'

export interface Reply {
  readonly status: number
  readonly lines: HeadLines
  /** Not to be sent where the method is HEAD. */
  readonly body: string | Uint8Array | FileBody | null
  /** What the program set to describe the file and is wrong for this answer: everything, or what describes a body. */
  readonly forgets: 'nothing' | 'file' | 'body'
  /** What was wrong on this side, where the status is 500 or more. */
  readonly error: Error | null
}

/** A file, open for reading, or parts of it. Whoever sends it closes it. */
export interface FileBody {
  readonly file: Opened
  readonly ranges: readonly ByteRange[]
  /** Null where there is one range. */
  readonly multipart: Multipart | null
}

/** Whether a body is a file, and not text or bytes. */
export function isFileBody(body: Reply['body']): body is FileBody {
  return body !== null && typeof body === 'object' && 'file' in body
}

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

/** A status and its name as text. */
export function statusReply(
  status: number,
  { lines = [], error = null }: { lines?: HeadLines; error?: Error | null } = {},
): Reply {
  const body = `${status} ${STATUS_CODES[status] ?? ''}\n`
  const head = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
    'X-Content-Type-Options',
    'nosniff',
    ...(status === 503 ? ['Retry-After', '1'] : []),
    ...lines,
  ]
  return { status, lines: head, body, forgets: 'file', error }
}

/** That a file could not be opened; `errno` is negative. What is not the client's fault is in the reply. */
export function errnoReply(errno: number): Reply {
  const status = statusOf(errno)
  const error = status < 500 ? null : systemError(errno, 'openat2', 'Opening a file to send it')
  return statusReply(status, { error })
}

/** What the program's own functions threw. */
export function thrownReply(thrown: unknown): Reply {
  return statusReply(500, { error: thrown instanceof Error ? thrown : new Error(String(thrown)) })
}

/** No body: 204 and 304. */
export function emptyReply(status: number, lines: HeadLines): Reply {
  return { status, lines, body: null, forgets: status === 304 ? 'body' : 'nothing', error: null }
}
