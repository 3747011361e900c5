/** `transfer(from, to)`: moves a file's bytes to a socket by the path that the plan picks, and says which it was. */
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import { Claim } from './claim.js'
import type { FileSource, SocketSink } from './endpoints.js'
import { aborted } from './interrupt.js'
import { Job, type TransferOptions, type TransferResult } from './job.js'
import { pathNames } from './plan.js'
import { openSource } from './source.js'

/**
 * Moves a file, or a range of it, to a socket.
 *
 * What was written to the socket before goes first, and transfers to one socket go in the order of their calls.
 * Wait for the transfer before writing what is to follow it. A response's head is sent with the bytes, announcing
 * their number where nothing was announced, and a response whose Content-Length is thereby complete is ended.
 * Sockets are neither ended nor destroyed, also not when the transfer fails: `error.bytes` says how many bytes went
 * out. The file must not be changed before the peer has received it: the peer may get the new bytes.
 *
 * @throws ERR_SLUICE_ABORTED, ERR_SLUICE_DEADLINE, ERR_SLUICE_PEER_CLOSED, ERR_SLUICE_SOCKET_CLOSED,
 *   ERR_SLUICE_FILE, ERR_SLUICE_FILE_SHRANK, ERR_SLUICE_RANGE, ERR_SLUICE_CONTENT_LENGTH, ERR_SLUICE_OPTION
 */
export async function transfer(
  from: FileSource,
  to: SocketSink,
  options: TransferOptions = {},
): Promise<TransferResult> {
  checkOptions(options)
  if (options.signal?.aborted) throw aborted(options.signal)
  const claim = new Claim(to.to)
  try {
    const source = await openSource(from)
    try {
      return await new Job(source, to.to, options, claim).run()
    } finally {
      source.close()
    }
  } finally {
    claim.end()
  }
}

function checkOptions({ deadlineMs, onProgress, prefer, signal }: TransferOptions): void {
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, { min: 1, max: 2 ** 31 - 1 })
  if (prefer !== undefined) checkOneOf('prefer', prefer, pathNames)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new SluiceError('ERR_SLUICE_OPTION', `onProgress must be a function, not ${show(onProgress)}`)
  // Not by its class: a test's environment may have another one than Node.
  if (signal !== undefined && !('aborted' in Object(signal)))
    throw new SluiceError('ERR_SLUICE_OPTION', `signal must be an AbortSignal, not ${show(signal)}`)
}
