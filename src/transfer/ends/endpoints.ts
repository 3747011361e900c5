/** What bytes come from and go to: the nouns of `transfer(from, to)`. */
import type { FileHandle } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable, Stream, type Writable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import { checkInteger, checkOneOf, show } from '../../base/options.js'

/** A range of a file, as `fs.createReadStream` names it: both ends included, in bytes. */
export interface FileRangeOptions {
  /** The first byte; 0 if not given. */
  start?: number
  /** The last byte, included; the file's last if not given. */
  end?: number
}

export interface FileSource extends FileRangeOptions {
  readonly kind: 'file'
  /** A name, an open handle, or a descriptor. */
  readonly from: string | Uint8Array | URL | FileHandle | number
}

/** How a file is opened to be written, where it is given by name. */
export interface FileSinkOptions {
  /**
   * `w`, the default: created, or emptied once the source is open. `a`: created, and appended to. `r+`: must exist,
   * and is written in place; what lies around the bytes stays.
   */
  flags?: FileSinkFlags
  /** The permissions of a file that is created, less those of the umask; 0o666 if not given. */
  mode?: number
}

export const fileSinkFlags = ['w', 'a', 'r+'] as const
export type FileSinkFlags = (typeof fileSinkFlags)[number]

/** A file to be written from byte `start` on: `end` is the source's affair. */
export interface FileSink extends FileSource, FileSinkOptions {}

/** A response or another writable stream; what is no socket underneath is written to by copying. */
export type SinkTarget = StreamTarget | number
export type StreamTarget = Socket | ServerResponse | Writable

/** What a socket or a pipe is known by: as a source a `net.Socket` or descriptor, or another readable to copy from. */
export type StreamEndTarget = SinkTarget | Readable

export interface SocketEnd {
  readonly kind: 'socket'
  readonly to: SinkTarget
}

/** A pipe or FIFO; what the standard streams and those of child processes are. */
export interface PipeEnd {
  readonly kind: 'pipe'
  readonly to: StreamEndTarget
}

/** An end without positions: bytes come from it, or go to it, in their order. */
export type StreamEnd = SocketEnd | PipeEnd

/**
 * A file, by name, `FileHandle` or descriptor. As a source it is whole or from byte `start` to byte `end`, both
 * included as in `fs.createReadStream`; as a sink it is written from byte `start` on. A handle or descriptor stays
 * open and its file position unchanged; as a sink it is written in place, or at its end if it is open for appending.
 *
 * @throws ERR_SLUICE_OPTION where the range is not made of whole numbers, or ends before it starts; where `flags` or
 *   `mode` are not of their kind, or given for what is open already
 */
export function file(
  from: FileSource['from'],
  { start, end, flags, mode }: FileRangeOptions & FileSinkOptions = {},
): FileSink {
  const known =
    typeof from === 'string' ||
    from instanceof Uint8Array ||
    from instanceof URL ||
    (typeof from === 'number' && Number.isInteger(from) && from >= 0) ||
    isFileHandle(from)
  if (!known) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `file() takes a name, a FileHandle or a descriptor, not ${show(from)}`,
    )
  }
  if (start !== undefined) checkInteger('start', start, { min: 0 })
  if (end !== undefined) checkInteger('end', end, { min: start ?? 0 })
  if (flags !== undefined) checkOneOf('flags', flags, fileSinkFlags)
  if (mode !== undefined) checkInteger('mode', mode, { min: 0, max: 0o7777 })
  if (flags === 'a' && start !== undefined) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      "start must not be given with flags 'a', which writes at the end",
    )
  }
  if ((flags !== undefined || mode !== undefined) && (typeof from === 'number' || isFileHandle(from))) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      'flags and mode must not be given for a file that is open already',
    )
  }
  return {
    kind: 'file',
    from,
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
    ...(flags !== undefined && { flags }),
    ...(mode !== undefined && { mode }),
  }
}

/**
 * A socket as an end: a `net.Socket`, an `http.ServerResponse` (its head is sent first), or the descriptor of a
 * connected socket. Other writable streams are accepted as sinks, and copied to.
 */
export function socket(to: SinkTarget): SocketEnd {
  const known =
    typeof to === 'number' ? Number.isInteger(to) && to >= 0 : to instanceof Stream && 'write' in to
  if (!known) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `socket() takes a socket, a response or a descriptor, not ${show(to)}`,
    )
  }
  return { kind: 'socket', to }
}

/**
 * A pipe as an end: the descriptor of one side of a pipe or FIFO, or a stream over it such as `process.stdout` or a
 * child's `stdin`. What Node makes for a child's stdio is in truth a pair of sockets; the plan finds out.
 *
 * @throws ERR_SLUICE_OPTION where it is neither
 */
export function pipe(to: StreamEndTarget): PipeEnd {
  const known =
    typeof to === 'number'
      ? Number.isInteger(to) && to >= 0
      : to instanceof Stream && ('write' in to || to instanceof Readable)
  if (!known) {
    throw new SluiceError('ERR_SLUICE_OPTION', `pipe() takes a descriptor or a stream, not ${show(to)}`)
  }
  return { kind: 'pipe', to }
}

export function isFileHandle(value: unknown): value is FileHandle {
  return typeof value === 'object' && value !== null && typeof (value as FileHandle).fd === 'number'
}

/** @throws ERR_SLUICE_OPTION where the end is only for writing */
export function sourceTarget({ to }: StreamEnd): Readable | number {
  if (typeof to === 'number' || to instanceof Readable) return to
  throw new SluiceError('ERR_SLUICE_OPTION', 'The stream is only for writing: bytes cannot come from it')
}

/** Whether the transfer opens the file, and its position is thus nobody else's. */
export function isGivenByName({ from }: FileSource): boolean {
  return typeof from === 'string' || from instanceof Uint8Array || from instanceof URL
}

/** @throws ERR_SLUICE_OPTION where the end is only for reading */
export function sinkTarget({ to }: StreamEnd): SinkTarget {
  if (typeof to === 'number' || 'write' in to) return to as SinkTarget
  throw new SluiceError('ERR_SLUICE_OPTION', 'The stream is only for reading: bytes cannot go to it')
}
