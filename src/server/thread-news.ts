/** What a file server and its threads tell each other. */
import { type ErrorCode, SluiceError } from '../base/errors.js'

export type ThreadCommand = 'drain' | 'cut off'

export type ThreadNews =
  | { readonly kind: 'listening'; readonly engine: 'ring' | 'poll'; readonly ringMissing: string }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'cut off'; readonly count: number }

/** A SluiceError as it passes between threads, where a class does not. */
export interface Failure {
  readonly code: ErrorCode
  readonly what: string
  readonly remedy: string
  readonly syscall?: string
  readonly errno?: number
}

export function toFailure({ code, message, remedy, syscall, errno }: SluiceError): Failure {
  const what = message.slice(0, -`. ${remedy}`.length)
  return {
    code,
    what,
    remedy,
    ...(syscall === undefined ? {} : { syscall }),
    ...(errno === undefined ? {} : { errno }),
  }
}

export function fromFailure({ code, what, ...details }: Failure): SluiceError {
  return new SluiceError(code, what, details)
}
