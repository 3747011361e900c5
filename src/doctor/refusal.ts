/** A system call that said no, on its way from the try to its explanation. */
import { constants } from 'node:os'
import { errnoName } from '../base/errors.js'

export class Refusal extends Error {
  readonly syscall: string
  /** Negative. */
  readonly errno: number

  constructor(syscall: string, errno: number) {
    super(`${syscall} failed with ${errnoName(errno)}`)
    this.syscall = syscall
    this.errno = errno
  }
}

/** The call's result. @throws Refusal where it is -errno */
export function attempt(syscall: string, value: number): number {
  if (value < 0) throw new Refusal(syscall, value)
  return value
}

/** Whether an error is of a system call: one of ours, or one that Node's own functions threw. */
export function isRefusal(error: unknown): error is Error & { syscall: string; errno: number } {
  return error instanceof Error && 'syscall' in error && 'errno' in error && typeof error.errno === 'number'
}

/** Whether a result says that there is nothing yet. */
export function mustWait(value: number): boolean {
  return value === -constants.errno.EAGAIN || value === -constants.errno.EINTR
}
