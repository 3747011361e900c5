/**
 * The one table of what can go wrong in the world outside, and the error that carries it.
 *
 * Every entry gives the remedy in general; a message adds what failed and with which value. `docs/errors.md`
 * lists the same codes, and a test holds the two together. Our own bugs are not here: they throw plain errors.
 */
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

export const errorRemedies = {
  ERR_SLUICE_ABORTED: 'The signal that was passed in was aborted; this is not a fault.',
  ERR_SLUICE_ADDON:
    'Build the native addon: `npm run build` in the sluice package, with make and a C compiler.',
  ERR_SLUICE_CLOSED: 'The object was closed before; open another one.',
  ERR_SLUICE_CONTENT_LENGTH: 'Set Content-Length to what is sent, or leave it to the transfer.',
  ERR_SLUICE_DEADLINE: 'Raise deadlineMs, or find out why the peer reads slowly.',
  ERR_SLUICE_DESCRIPTORS: 'Close what is not needed, or raise the limit (`ulimit -n`).',
  ERR_SLUICE_FILE: 'Check the name, its permissions and that it is a regular file.',
  ERR_SLUICE_FILE_SHRANK: 'The file was truncated while it was sent; replace files by rename, not in place.',
  ERR_SLUICE_IN_FLIGHT: 'Wait until the transfer that uses the bytes has ended.',
  ERR_SLUICE_LISTEN: 'Choose another address (--listen, or --host and --port), or stop what listens there.',
  ERR_SLUICE_MAPPING_TRUNCATED:
    'The file was truncated while it was mapped; replace files by rename, not in place.',
  ERR_SLUICE_MEMORY: 'Ask for less, or raise the limit on memory or locked memory (`ulimit -l`).',
  ERR_SLUICE_OPTION: 'Correct the option; the message says what is allowed.',
  ERR_SLUICE_PEER_CLOSED: 'The peer closed or reset the connection; it may retry.',
  ERR_SLUICE_POOL_EMPTY: 'Release leases sooner, wait for one with take(), or make the pool larger.',
  ERR_SLUICE_RANGE: 'Ask for bytes that the file has.',
  ERR_SLUICE_RELEASED: 'The lease was given back before; take another one.',
  ERR_SLUICE_RING:
    'Use the poll engine, which gives the same results; `sluice doctor` says what forbids io_uring here.',
  ERR_SLUICE_RING_FULL: 'Reap completions before preparing more, or make the ring larger (entries).',
  ERR_SLUICE_SOCKET_CLOSED: 'The socket was destroyed or ended on this side before everything was sent.',
  ERR_SLUICE_SYSCALL: 'See the manual page of the system call for this error number.',
} as const

export type ErrorCode = keyof typeof errorRemedies

export interface ErrorDetails {
  /** The system call that failed, as its manual page is named. */
  syscall?: string
  /** Its error number, negative, as in Node's own errors. */
  errno?: number
  /** What caused it, where something else threw. */
  cause?: unknown
  /** A remedy for this very case, where it is better than the table's. */
  remedy?: string
}

/** What the world did wrong: a code from the table, what failed, and what to do about it. */
export class SluiceError extends Error {
  readonly code: ErrorCode
  readonly remedy: string
  readonly syscall?: string
  readonly errno?: number
  /** Bytes that had been sent when a transfer failed. */
  bytes?: number

  constructor(code: ErrorCode, what: string, details: ErrorDetails = {}) {
    const remedy = details.remedy ?? errorRemedies[code]
    super(`${what}. ${remedy}`, details.cause === undefined ? undefined : { cause: details.cause })
    // AbortError is the name that Node and the web give to what an AbortSignal ends.
    this.name = code === 'ERR_SLUICE_ABORTED' ? 'AbortError' : 'SluiceError'
    this.code = code
    this.remedy = remedy
    if (details.syscall !== undefined) this.syscall = details.syscall
    if (details.errno !== undefined) this.errno = details.errno
  }
}

/** The name of a system call's error, such as `EPIPE`, from its negative number. */
export function errnoName(errno: number): string {
  const name = errno < 0 ? getSystemErrorName(errno) : ''
  if (/^E[A-Z0-9]+$/.test(name)) return name
  // libuv has no name for some that the system has, such as EDQUOT.
  const known = Object.entries(constants.errno).find(([, value]) => value === -errno)
  return known?.[0] ?? `errno ${-errno}`
}

const codeByErrno: Record<string, ErrorCode> = {
  EPIPE: 'ERR_SLUICE_PEER_CLOSED',
  ECONNRESET: 'ERR_SLUICE_PEER_CLOSED',
  ETIMEDOUT: 'ERR_SLUICE_PEER_CLOSED',
  EHOSTUNREACH: 'ERR_SLUICE_PEER_CLOSED',
  ENETUNREACH: 'ERR_SLUICE_PEER_CLOSED',
  EMFILE: 'ERR_SLUICE_DESCRIPTORS',
  ENFILE: 'ERR_SLUICE_DESCRIPTORS',
  ENOMEM: 'ERR_SLUICE_MEMORY',
  ENOBUFS: 'ERR_SLUICE_MEMORY',
  EIO: 'ERR_SLUICE_FILE',
  ENOENT: 'ERR_SLUICE_FILE',
  EACCES: 'ERR_SLUICE_FILE',
  EISDIR: 'ERR_SLUICE_FILE',
  ENOTDIR: 'ERR_SLUICE_FILE',
  ELOOP: 'ERR_SLUICE_FILE',
  ENAMETOOLONG: 'ERR_SLUICE_FILE',
}

/** The error for a system call's negative result; `what` says what was being done, and with what. */
export function systemError(
  errno: number,
  syscall: string,
  what: string,
  details: Omit<ErrorDetails, 'errno' | 'syscall'> = {},
): SluiceError {
  const name = errnoName(errno)
  return new SluiceError(
    codeByErrno[name] ?? 'ERR_SLUICE_SYSCALL',
    `${what}: ${syscall} failed with ${name}`,
    {
      ...details,
      errno,
      syscall,
    },
  )
}
