/** A list as a source, to a file: the sink is opened once, and each part is written behind the one before it. */
import { fstat } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { SluiceError } from '../../base/errors.js'
import { type FileSink, file, isGivenByName } from '../ends/endpoints.js'
import type { Source } from '../ends/ends.js'
import { type OpenedSink, withSink } from '../ends/file-sink.js'
import { checkSameFile } from '../ends/same-file.js'
import { type OpenedSource, openSource } from '../ends/source.js'
import { watchLimits } from '../interrupt.js'
import type { PartResult, TransferOptions, TransferResult } from './job.js'
import { checkParts } from './sequence-parts.js'

const statDescriptor = promisify(fstat)

/** What transfers one part. */
export type TransferPart = (from: Source, to: FileSink, options: TransferOptions) => Promise<TransferResult>

export async function writeSequence(
  from: readonly Source[],
  to: FileSink,
  options: TransferOptions,
  transferPart: TransferPart,
): Promise<TransferResult> {
  checkParts(from)
  if (to.end !== undefined) {
    throw new SluiceError('ERR_SLUICE_OPTION', 'end must be given for the sources, not for the sink')
  }
  const opened = new Map<Source, OpenedSource>()
  try {
    for (const source of from) {
      if (source.kind === 'file') opened.set(source, await openSource(source))
    }
    return await withSink(to, async sink => {
      await checkNotEmptied(to, sink, opened.values())
      await sink.empty()
      const parts = from.map(source => reopenable(source, opened.get(source)))
      return await writeParts(parts, { to, sink, options, transferPart })
    })
  } finally {
    for (const source of opened.values()) source.close()
  }
}

/** The files are open already: what is wrong with one is found before the sink is changed. */
function reopenable(source: Source, opened: OpenedSource | undefined): Source {
  if (opened === undefined) return source
  const { fd, regular, start, length } = opened
  if (!regular) return length === null ? file(fd) : file(fd, { end: length - 1 })
  return length === null || length === 0 ? file(fd, { start }) : file(fd, { start, end: start + length - 1 })
}

async function checkNotEmptied(
  to: FileSink,
  { name, identity }: OpenedSink,
  sources: Iterable<OpenedSource>,
): Promise<void> {
  if (!isGivenByName(to) || (to.flags ?? 'w') !== 'w') return
  for (const { fd, start } of sources) {
    const { dev, ino } = await statDescriptor(fd, { bigint: true })
    if (dev === identity.dev && ino === identity.ino)
      checkSameFile({ name, emptied: true, from: start, to: 0, length: 0 })
  }
}

interface Writing {
  readonly to: FileSink
  readonly sink: OpenedSink
  readonly options: TransferOptions
  readonly transferPart: TransferPart
}

async function writeParts(
  sources: readonly Source[],
  { to, sink, options, transferPart }: Writing,
): Promise<TransferResult> {
  const began = performance.now()
  const controller = new AbortController()
  let limit: SluiceError | null = null
  const stopLimits = watchLimits(options, error => {
    limit = error
    controller.abort(error)
  })
  const parts: (PartResult & { why: string })[] = []
  let bytes = 0
  let copied = 0
  try {
    for (const source of sources) {
      const before = bytes
      const onProgress = (sentBytes: number): void => options.onProgress?.(before + sentBytes)
      const at = sink.appends || !sink.regular ? {} : { start: (to.start ?? 0) + before }
      const { prefer } = options
      const partOptions = { prefer, signal: controller.signal, onProgress }
      const done = await transferPart(source, file(sink.fd, at), partOptions)
      bytes += done.bytes
      copied += done.copied
      parts.push({ path: done.path, bytes: done.bytes, why: done.why })
    }
    const { path, why } = parts.reduce((most, part) => (part.bytes > most.bytes ? part : most))
    const ms = performance.now() - began
    return {
      bytes,
      path,
      why,
      copied,
      ms,
      parts: parts.map(part => ({ path: part.path, bytes: part.bytes })),
    }
  } catch (error) {
    const told = limit ?? error
    const partBytes = error instanceof SluiceError ? (error.bytes ?? 0) : 0
    if (told instanceof SluiceError) told.bytes = bytes + partBytes
    throw told
  } finally {
    stopLimits()
  }
}
