/** `transfer(from, to)`: moves bytes from one end to the other by the path that the plan picks, and says which it was. */
import { Socket } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import { Lease } from '../memory/lease.js'
import { Claim } from './ends/claim.js'
import { type FileSource, type SinkTarget, type StreamEnd, sinkTarget } from './ends/endpoints.js'
import {
  isList,
  type Sink,
  type SinkLike,
  type Source,
  type SourceLike,
  sinkOf,
  sourceOf,
} from './ends/ends.js'
import { asTruncation, fileBehind } from './ends/mapped-source.js'
import type { MemorySource } from './ends/memory-source.js'
import { openSource } from './ends/source.js'
import { aborted } from './interrupt.js'
import { transferToFile } from './jobs/file-job.js'
import { Job, type TransferOptions, type TransferResult } from './jobs/job.js'
import { sendLease } from './jobs/memory-batch.js'
import { writeMemory } from './jobs/memory-file-job.js'
import { sendMemory } from './jobs/memory-job.js'
import { relay } from './jobs/relay.js'
import { sendSequence } from './jobs/sequence.js'
import { writeSequence } from './jobs/sequence-file.js'
import { transferToSeveral } from './jobs/several.js'
import type { SeveralOptions, SeveralResult } from './jobs/several-types.js'
import { writeStream } from './jobs/stream-to-file.js'
import { pathNames } from './plan/path.js'

/**
 * Moves a file, or a range of it, memory, or all that arrives on a socket, a pipe or a stream until it ends, to a
 * socket, a pipe, a stream or a file.
 *
 * What was written to the socket before goes first, and transfers to one socket go in the order of their calls.
 * Wait for the transfer before writing what is to follow it. A response's head is sent with the bytes, announcing
 * their number where nothing was announced, and a response whose Content-Length is thereby complete is ended.
 * Sockets are neither ended nor destroyed, also not when the transfer fails: `error.bytes` says how many bytes went
 * out. The file must not be changed before the peer has received it: the peer may get the new bytes.
 *
 * A list of sources goes out part after part, as one transfer: nothing comes in between, and a small head or trailer
 * shares its packets with what is next to it. All parts are opened before the first is sent; `parts` in the result says
 * how each went.
 *
 * Several sinks each get every byte, at the pace of the slowest, or, with `slowSinks: 'drop'`, of the first.
 *
 * A file is written from the sink's `start` on. Holes of a source given by name stay holes where the sink has no bytes
 * yet; neither is the sink flushed to the disk. After a failure the sink keeps what was written.
 *
 * Memory must stay where it is, unchanged, until the transfer has settled. A lease ends with its transfer, also where
 * that fails; only where it is refused from the start, as by a wrong option, the lease stays the program's.
 *
 * @throws ERR_SLUICE_ABORTED, ERR_SLUICE_DEADLINE, ERR_SLUICE_PEER_CLOSED, ERR_SLUICE_SOCKET_CLOSED,
 *   ERR_SLUICE_FILE, ERR_SLUICE_FILE_SHRANK, ERR_SLUICE_RANGE, ERR_SLUICE_CONTENT_LENGTH, ERR_SLUICE_OPTION;
 *   of memory ERR_SLUICE_RELEASED, ERR_SLUICE_IN_FLIGHT, ERR_SLUICE_CLOSED, ERR_SLUICE_MAPPING_TRUNCATED
 */
export function transfer(
  from: SourceLike,
  to: readonly SinkLike[],
  options?: SeveralOptions,
): Promise<SeveralResult>
export function transfer(
  from: SourceLike | readonly SourceLike[],
  to: SinkLike,
  options?: TransferOptions,
): Promise<TransferResult>
export function transfer(
  from: SourceLike | readonly SourceLike[],
  to: SinkLike | readonly SinkLike[],
  options?: SeveralOptions,
): Promise<TransferResult> {
  if (isList(to)) return transferToAll(from, to, options ?? {})
  // Many small messages are what this is fast for, so they take no detour.
  if (options === undefined && from instanceof Lease) {
    const socket = socketUnder(to)
    if (socket !== null) return sendLease(from, socket)
  }
  return transferAny(from, to, options ?? {})
}

async function transferToAll(
  from: SourceLike | readonly SourceLike[],
  to: readonly SinkLike[],
  options: SeveralOptions,
): Promise<SeveralResult> {
  checkOptions(options)
  // A list is no source of several sinks, and is told so.
  const source = sourceOf(from as SourceLike)
  const sinks = to.map(sinkOf)
  if (options.signal?.aborted) throw aborted(options.signal)
  return await transferToSeveral(source, sinks, options)
}

async function transferAny(
  from: SourceLike | readonly SourceLike[],
  to: SinkLike,
  options: TransferOptions,
): Promise<TransferResult> {
  checkOptions(options)
  if (isList(from)) return await transferList(from.map(sourceOf), sinkOf(to), options)
  const source = sourceOf(from)
  const sink = sinkOf(to)
  if (options.signal?.aborted) throw aborted(options.signal)
  if (source.kind === 'memory') return await transferMemory(source, sink, options)
  if (sink.kind === 'file') {
    if (source.kind === 'file') return await transferToFile(source, sink, options)
    return await writeStream(source, sink, options)
  }
  if (source.kind === 'file') return await sendFile(source, sinkTarget(sink), options)
  return await relay(source, sink, options)
}

async function transferList(
  sources: readonly Source[],
  sink: Sink,
  options: TransferOptions,
): Promise<TransferResult> {
  if (options.signal?.aborted) throw aborted(options.signal)
  if (sink.kind === 'file') return await writeSequence(sources, sink, options, transferAny)
  return await sendSequence(sources, sinkTarget(sink), options)
}

/** The plain socket that an end is, or null. */
function socketUnder(to: SinkLike): Socket | null {
  const target: unknown = (to as Partial<StreamEnd> | null)?.kind === 'socket' ? (to as StreamEnd).to : to
  return target instanceof Socket ? target : null
}

async function transferMemory(
  source: MemorySource,
  sink: Sink,
  options: TransferOptions,
): Promise<TransferResult> {
  const behind = fileBehind(source, options)
  if (behind !== null) {
    return await transferAny(behind, sink, options).catch(error => {
      throw asTruncation(error)
    })
  }
  if (sink.kind === 'file') return await writeMemory(source, sink, options)
  return await sendMemory(source, sinkTarget(sink), options)
}

async function sendFile(from: FileSource, to: SinkTarget, options: TransferOptions): Promise<TransferResult> {
  const claim = new Claim(to)
  try {
    const source = await openSource(from)
    try {
      return await new Job(source, to, options, claim).run()
    } finally {
      source.close()
    }
  } finally {
    claim.end()
  }
}

function checkOptions({ deadlineMs, onProgress, prefer, signal, bytes }: TransferOptions): void {
  if (bytes !== undefined) checkInteger('bytes', bytes, { min: 0 })
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, { min: 1, max: 2 ** 31 - 1 })
  if (prefer !== undefined) checkOneOf('prefer', prefer, pathNames)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new SluiceError('ERR_SLUICE_OPTION', `onProgress must be a function, not ${show(onProgress)}`)
  // Not by its class: a test's environment may have another one than Node.
  if (signal !== undefined && !('aborted' in Object(signal)))
    throw new SluiceError('ERR_SLUICE_OPTION', `signal must be an AbortSignal, not ${show(signal)}`)
}
