/** What ends a transfer from outside: an AbortSignal, or a deadline. */
import { SluiceError } from '../base/errors.js'
import { Audience } from './ends/audience.js'

export interface Limits {
  /** Ends the transfer with ERR_SLUICE_ABORTED; what was sent stays sent. */
  signal?: AbortSignal | undefined
  /** Ends the transfer with ERR_SLUICE_DEADLINE when it takes longer, in milliseconds. */
  deadlineMs?: number | undefined
}

/** Calls `interrupt` at most once, when the signal aborts or the deadline passes → a function that stops watching. */
export function watchLimits(
  { signal, deadlineMs }: Limits,
  interrupt: (error: SluiceError) => void,
): () => void {
  if (signal === undefined && deadlineMs === undefined) return nothing
  const onAbort = (): void => {
    stop()
    interrupt(aborted(signal!))
  }
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(() => {
          stop()
          interrupt(
            new SluiceError('ERR_SLUICE_DEADLINE', `The transfer did not end within ${deadlineMs} ms`),
          )
        }, deadlineMs)
  const stop = (): void => {
    clearTimeout(timer)
    if (signal !== undefined) abortions.leave(signal, onAbort)
  }
  if (signal !== undefined) abortions.join(signal, onAbort)
  return stop
}

const abortions = new Audience<AbortSignal>(
  (signal, listener) => signal.addEventListener('abort', listener),
  (signal, listener) => signal.removeEventListener('abort', listener),
)

export function aborted(signal: AbortSignal): SluiceError {
  return new SluiceError('ERR_SLUICE_ABORTED', 'The transfer was aborted', { cause: signal.reason })
}

function nothing(): void {}
