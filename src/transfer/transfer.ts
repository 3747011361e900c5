/** `transfer(from, to)`: moves bytes from one end to the other by the path that the plan picks, and says which it was. */
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import { Claim } from './claim.js'
import {
  type FileSink,
  type FileSource,
  type SocketEnd,
  sinkStream,
  sourceFile,
  sourceSocket,
} from './endpoints.js'
import { transferToFile } from './file-job.js'
import { aborted } from './interrupt.js'
import { Job, type TransferOptions, type TransferResult } from './job.js'
import type { PathName } from './path.js'
import { pathNames } from './plan.js'
import { filePathNames } from './plan-files.js'
import { relayPathNames } from './plan-relay.js'
import { relay } from './relay.js'
import { openSource } from './source.js'

/**
 * Moves a file, or a range of it, or all that arrives on a socket until it ends, to a socket; or a file to a file.
 *
 * What was written to the socket before goes first, and transfers to one socket go in the order of their calls.
 * Wait for the transfer before writing what is to follow it. A response's head is sent with the bytes, announcing
 * their number where nothing was announced, and a response whose Content-Length is thereby complete is ended.
 * Sockets are neither ended nor destroyed, also not when the transfer fails: `error.bytes` says how many bytes went
 * out. The file must not be changed before the peer has received it: the peer may get the new bytes.
 *
 * A file is written from the sink's `start` on. Holes of a source given by name stay holes where the sink has no bytes
 * yet; neither is the sink flushed to the disk. After a failure the sink keeps what was written.
 *
 * @throws ERR_SLUICE_ABORTED, ERR_SLUICE_DEADLINE, ERR_SLUICE_PEER_CLOSED, ERR_SLUICE_SOCKET_CLOSED,
 *   ERR_SLUICE_FILE, ERR_SLUICE_FILE_SHRANK, ERR_SLUICE_RANGE, ERR_SLUICE_CONTENT_LENGTH, ERR_SLUICE_OPTION
 */
export async function transfer(
  from: FileSource | SocketEnd,
  to: SocketEnd | FileSink,
  options: TransferOptions = {},
): Promise<TransferResult> {
  checkOptions(options, pathsBetween(from, to))
  if (options.signal?.aborted) throw aborted(options.signal)
  if (to.kind === 'file') return await transferToFile(sourceFile(from), to, options)
  if (from.kind === 'socket') return await relay(sourceSocket(from), sinkStream(to), options)
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

function pathsBetween(from: FileSource | SocketEnd, to: SocketEnd | FileSink): readonly PathName[] {
  if (to.kind === 'file') return filePathNames
  return from.kind === 'socket' ? relayPathNames : pathNames
}

function checkOptions(
  { deadlineMs, onProgress, prefer, signal }: TransferOptions,
  paths: readonly PathName[],
): void {
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, { min: 1, max: 2 ** 31 - 1 })
  if (prefer !== undefined) checkOneOf('prefer', prefer, paths)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new SluiceError('ERR_SLUICE_OPTION', `onProgress must be a function, not ${show(onProgress)}`)
  // Not by its class: a test's environment may have another one than Node.
  if (signal !== undefined && !('aborted' in Object(signal)))
    throw new SluiceError('ERR_SLUICE_OPTION', `signal must be an AbortSignal, not ${show(signal)}`)
}
