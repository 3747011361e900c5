/** The parts of a list as a source: opened before anything is sent, so that what is wrong with one costs nothing. */
import { Readable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import { show } from '../../base/options.js'
import { Lease } from '../../memory/lease.js'
import { file } from '../ends/endpoints.js'
import type { Source } from '../ends/ends.js'
import { fileBehind } from '../ends/mapped-source.js'
import type { MemorySource } from '../ends/memory-source.js'
import { type OpenedSource, openSource } from '../ends/source.js'
import { useSource } from '../ends/source-use.js'
import { type HeldMemory, holdMemory } from '../memory-pieces.js'
import type { PlanOptions } from '../plan/path.js'

export type OpenedPart =
  | {
      readonly kind: 'file'
      readonly source: OpenedSource
      /** Whether it was given as its mapping. */
      readonly mapped: boolean
    }
  | { readonly kind: 'memory'; readonly memory: HeldMemory }
  | { readonly kind: 'stream'; readonly from: Readable; readonly release: () => void }

export interface OpenedParts {
  readonly parts: readonly OpenedPart[]
  /** Bytes of all parts, or null where one does not say. */
  readonly bytes: number | null
  /** Gives everything back: leases end thereby. */
  close(): void
}

/** Each may take a descriptor, all at once. */
const partsMax = 1024

/** @throws ERR_SLUICE_OPTION where the list is empty or too long, or names a lease or a stream twice */
export function checkParts(parts: readonly Source[]): void {
  if (parts.length === 0 || parts.length > partsMax) {
    const what = `A list of sources must have 1 to ${partsMax} parts; it has ${parts.length}`
    throw new SluiceError('ERR_SLUICE_OPTION', what)
  }
  const seen = new Set<unknown>()
  for (const part of parts) {
    const once = part.kind === 'memory' ? part.of : part.kind === 'file' ? null : part.to
    if (once instanceof Lease || (part.kind !== 'memory' && once !== null)) {
      if (seen.has(once)) throw new SluiceError('ERR_SLUICE_OPTION', `${show(once)} is in the list twice`)
      seen.add(once)
    }
  }
}

/**
 * Opens the files, then takes the memory.
 *
 * @throws what openSource(), useSource() and holdMemory() throw; then everything is the program's as before
 */
export async function openParts(sources: readonly Source[], options: PlanOptions): Promise<OpenedParts> {
  const opened: OpenedPart[] = []
  const giveBack = (): void => {
    for (const part of opened) {
      if (part.kind === 'file') part.source.close()
      else if (part.kind === 'stream') part.release()
    }
  }
  try {
    // Streams at once: another transfer may want them while files are being opened.
    const streams = new Map<Source, OpenedPart>()
    for (const source of sources) {
      const stream = openStream(source)
      if (stream === null) continue
      opened.push(stream)
      streams.set(source, stream)
    }
    // In their order, memory being looked at, and not yet taken.
    const pending: (OpenedPart | MemorySource)[] = []
    for (const source of sources) {
      const part = streams.get(source) ?? (await openPart(source, options))
      if ('of' in part) look(part)
      else if (part.kind === 'file') opened.push(part)
      pending.push(part)
    }
    const parts = pending.map(part =>
      'of' in part ? { kind: 'memory' as const, memory: holdMemory(part) } : part,
    )
    const close = (): void => {
      giveBack()
      for (const part of parts) if (part.kind === 'memory') part.memory.release()
    }
    return { parts, bytes: totalOf(parts), close }
  } catch (error) {
    giveBack()
    throw error
  }
}

function openStream(source: Source): OpenedPart | null {
  if (source.kind === 'file' || source.kind === 'memory' || typeof source.to === 'number') return null
  const from = source.to
  if (from instanceof Readable) return { kind: 'stream', from, release: useSource(from) }
  throw new SluiceError('ERR_SLUICE_OPTION', 'The stream is only for writing: bytes cannot come from it')
}

async function openPart(source: Source, options: PlanOptions): Promise<OpenedPart | MemorySource> {
  if (source.kind === 'memory') {
    const behind = fileBehind(source, options)
    return behind === null ? source : { kind: 'file', source: await openSource(behind), mapped: true }
  }
  // Of a descriptor it is asked what it is when it is opened; a pipe is read until its end.
  const named = source.kind === 'file' ? source : file(source.to as number)
  return { kind: 'file', source: await openSource(named), mapped: false }
}

/** Finds now what taking the memory would find: after another lease was taken it would be too late to give that back. */
function look({ of }: MemorySource): void {
  void (of instanceof Uint8Array ? of : of.bytes)
}

function totalOf(parts: readonly OpenedPart[]): number | null {
  let bytes = 0
  for (const part of parts) {
    const length =
      part.kind === 'memory' ? part.memory.bytes : part.kind === 'file' ? part.source.length : null
    if (length === null) return null
    bytes += length
  }
  return bytes
}
