/** What bytes come from and go to: the nouns of `transfer(from, to)`. */
import type { FileHandle } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Stream, type Writable } from 'node:stream'
import { SluiceError } from '../base/errors.js'
import { checkInteger, show } from '../base/options.js'

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

/** A response or another writable stream; what is no socket underneath is written to by copying. */
export type SinkTarget = Socket | ServerResponse | Writable | number

export interface SocketSink {
  readonly kind: 'socket'
  readonly to: SinkTarget
}

/**
 * A file as a source: by name, `FileHandle` or descriptor, whole or from byte `start` to byte `end`, both
 * included as in `fs.createReadStream`. A handle or descriptor stays open and its file position unchanged.
 *
 * @throws ERR_SLUICE_OPTION where the range is not made of whole numbers, or ends before it starts
 */
export function file(from: FileSource['from'], { start, end }: FileRangeOptions = {}): FileSource {
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
  return { kind: 'file', from, ...(start !== undefined && { start }), ...(end !== undefined && { end }) }
}

/**
 * A socket as a sink: a `net.Socket`, an `http.ServerResponse` (its head is sent first), or the descriptor of a
 * connected socket. Other writable streams are accepted and copied to.
 */
export function socket(to: SinkTarget): SocketSink {
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

function isFileHandle(value: unknown): value is FileHandle {
  return typeof value === 'object' && value !== null && typeof (value as FileHandle).fd === 'number'
}
