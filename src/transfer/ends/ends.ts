/** What `transfer` and `plan` accept as ends: the endpoints, and what programs have at hand, told apart once. */
import { Socket } from 'node:net'
import { Readable, Stream, Writable } from 'node:stream'
import { ReadableStream, WritableStream } from 'node:stream/web'
import { SluiceError } from '../../base/errors.js'
import { show } from '../../base/options.js'
import {
  type FileSink,
  type FileSource,
  file,
  isFileHandle,
  pipe,
  type StreamEnd,
  socket,
} from './endpoints.js'
import { isMemory, type Memory, type MemorySource, memory } from './memory-source.js'

export type Source = FileSource | MemorySource | StreamEnd
export type Sink = FileSink | StreamEnd

/** An endpoint, or what stands for one: memory, an open file, a Node stream or a web stream. */
export type SourceLike =
  | Source
  | Memory
  | Exclude<FileSource['from'], string | number>
  | Readable
  | ReadableStream
export type SinkLike =
  | Sink
  | Exclude<FileSink['from'], string | number | Uint8Array>
  | Writable
  | WritableStream

/** @throws ERR_SLUICE_OPTION where bytes cannot come from it */
export function sourceOf(from: SourceLike): Source {
  if (isEnd(from)) return from as Source
  if (isMemory(from)) return memory(from)
  if (from instanceof Socket) return socket(from)
  if (from instanceof Readable) return pipe(from)
  if (from instanceof ReadableStream) return pipe(Readable.fromWeb(from))
  if (from instanceof URL || isFileHandle(from)) return file(from)
  throw new SluiceError('ERR_SLUICE_OPTION', `Bytes cannot come from ${show(from)}: ${ways}`)
}

/** @throws ERR_SLUICE_OPTION where bytes cannot go to it */
export function sinkOf(to: SinkLike): Sink {
  if (isEnd(to)) {
    if ((to as Source).kind !== 'memory') return to as Sink
    throw new SluiceError('ERR_SLUICE_OPTION', 'Memory is no sink: receive() fills leases of a pool')
  }
  if (to instanceof WritableStream) return socket(Writable.fromWeb(to))
  // Before handles: the standard streams have a descriptor as well.
  if (to instanceof Stream && 'write' in to) return socket(to as Writable)
  if (to instanceof URL || isFileHandle(to)) return file(to)
  throw new SluiceError('ERR_SLUICE_OPTION', `Bytes cannot go to ${show(to)}: ${ways}`)
}

/** Whether it is several sources, one after the other, or several sinks at once. */
export function isList<End>(ends: End | readonly End[]): ends is readonly End[] {
  return Array.isArray(ends)
}

const ways = 'name it with file(), socket(), pipe() or memory()'

function isEnd(value: unknown): value is Source | Sink {
  const kind = (value as Partial<Source> | null)?.kind
  return kind === 'file' || kind === 'socket' || kind === 'pipe' || kind === 'memory'
}
