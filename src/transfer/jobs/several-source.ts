/** The source of a transfer to several sinks, opened: for tee, or to be copied from. */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { native } from '../../native/load.js'
import { type StreamEnd, sourceTarget } from '../ends/endpoints.js'
import type { Source } from '../ends/ends.js'
import { type OpenedSource, openSource } from '../ends/source.js'
import { DescriptorSource, SourceHold } from '../ends/source-hold.js'
import { useSource } from '../ends/source-use.js'
import { type HeldMemory, holdMemory } from '../memory-pieces.js'
import { type Chunks, DescriptorChunks, MemoryChunks, StreamChunks } from '../paths/chunks.js'
import { FileTeeSource, MemoryTeeSource, StreamTeeSource, type TeeSource } from '../paths/tee-source.js'

export interface SeveralSource {
  /** The end; where it was given by a descriptor, that is a duplicate's. */
  readonly end: Source
  /** Why it can only be copied, where that was not known before; else an empty string. */
  readonly obstacle: string
  /** The file that is read, where it is one. */
  readonly file: OpenedSource | null
  /** `resume` is called when there is something again that was waited for. */
  teeSource(resume: () => void): TeeSource
  /** Also where tee was meant, and has not begun. */
  chunks(): Chunks
  /** When nothing uses it any more. */
  close(): void
}

/** @throws as openSource() and holdMemory() do; ERR_SLUICE_IN_FLIGHT; ERR_SLUICE_OPTION where it is only for writing */
export async function openSeveralSource(from: Source): Promise<SeveralSource> {
  if (from.kind === 'memory') return ofMemory(from, holdMemory(from))
  if (from.kind === 'file') return ofFile(from, await openSource(from))
  const target = sourceTarget(from)
  return typeof target === 'number' ? ofDescriptor(from, target) : ofStream(from, target)
}

function ofMemory(end: Source, memory: HeldMemory): SeveralSource {
  return {
    end,
    obstacle: '',
    file: null,
    teeSource: () => new MemoryTeeSource(native!, memory),
    chunks: () => new MemoryChunks(memory),
    close: () => memory.release(),
  }
}

function ofFile(end: Source, file: OpenedSource): SeveralSource {
  const { fd, regular, start, length, close } = file
  const unknown = length === null ? 'the source does not say how long it is' : ''
  return {
    end,
    obstacle: regular ? unknown : 'the source is not a regular file',
    file: regular ? file : null,
    teeSource: resume => new FileTeeSource(native!, { fd, start, length: length! }, resume),
    chunks: () => new DescriptorChunks({ fd, start: regular ? start : null, length }),
    close,
  }
}

function ofDescriptor(end: StreamEnd, fd: number): SeveralSource {
  const letGo = useSource(fd)
  let hold: DescriptorSource | null = null
  try {
    if (native !== null) hold = new DescriptorSource(native, fd)
  } catch (error) {
    letGo()
    throw error
  }
  const own = hold?.fd ?? fd
  return {
    end: { kind: end.kind, to: own },
    obstacle: '',
    file: null,
    teeSource: () => new StreamTeeSource(native!, hold!),
    chunks: () => new DescriptorChunks({ fd: own, start: null, length: null }),
    close() {
      hold?.release()
      letGo()
    },
  }
}

function ofStream(end: StreamEnd, from: Readable): SeveralSource {
  const letGo = useSource(from)
  let hold: SourceHold | null = null
  let tee: TeeSource | null = null
  return {
    end,
    obstacle: '',
    file: null,
    teeSource() {
      hold = new SourceHold(from as Socket)
      tee = new StreamTeeSource(native!, hold)
      return tee
    },
    chunks() {
      // Where tee was meant, and is not possible: nothing of it was delivered.
      hold?.release(0)
      hold = null
      return new StreamChunks(from)
    },
    close() {
      // What was not passed on is the stream's again.
      hold?.release(tee!.copiedBytes)
      letGo()
    },
  }
}
