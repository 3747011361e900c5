/** A list as a source: its parts go to a socket, a pipe, a response or another stream in their order, as one transfer. */
import { performance } from 'node:perf_hooks'
import { SluiceError } from '../../base/errors.js'
import { Claim } from '../ends/claim.js'
import type { SinkTarget } from '../ends/endpoints.js'
import type { Source } from '../ends/ends.js'
import { asTruncation } from '../ends/mapped-source.js'
import { watchLimits } from '../interrupt.js'
import { Interruption } from '../interruption.js'
import type { HeldMemory } from '../memory-pieces.js'
import type { PartResult, TransferOptions, TransferResult } from './job.js'
import { type PartDone, runFile, runMemory, type TakenSink } from './part-run.js'
import { runStream } from './part-stream.js'
import { checkParts, type OpenedPart, type OpenedParts, openParts } from './sequence-parts.js'
import { useSink } from './sequence-sink.js'

/** Settles when all parts have gone, or one has failed, and nothing uses their descriptors or memory any more. */
export async function sendSequence(
  from: readonly Source[],
  to: SinkTarget,
  options: TransferOptions,
): Promise<TransferResult> {
  checkParts(from)
  const claim = new Claim(to)
  const interruption = new Interruption()
  const stopLimits = watchLimits(options, error => interruption.raise(error))
  try {
    const opened = await interruption.or(openParts(from, options), late => late.close())
    const sequence = new Sequence(opened, options.onProgress ?? nothing)
    try {
      await useSink({
        to,
        claim,
        bytes: opened.bytes,
        prefer: options.prefer,
        interruption,
        send: (sink, head) => sequence.send(sink, head),
        sentBytes: () => sequence.sentBytes,
      })
      return sequence.result()
    } catch (error) {
      if (error instanceof SluiceError) error.bytes = sequence.sentBytes
      throw error
    } finally {
      opened.close()
    }
  } catch (error) {
    // What fails while the parts are being opened fails before anything is sent.
    if (error instanceof SluiceError) error.bytes ??= 0
    throw error
  } finally {
    stopLimits()
    claim.end()
  }
}

class Sequence {
  sentBytes = 0
  readonly #opened: OpenedParts
  readonly #onProgress: (sentBytes: number) => void
  readonly #began = performance.now()
  readonly #parts: (PartResult & { readonly why: string })[] = []
  #copiedBytes = 0

  constructor(opened: OpenedParts, onProgress: (sentBytes: number) => void) {
    this.#opened = opened
    this.#onProgress = onProgress
  }

  async send(sink: TakenSink, head: string): Promise<void> {
    if (head !== '') await sendHead(sink, head)
    for (const group of groupsOf(this.#opened.parts)) {
      sink.cork?.set(true)
      const done = await this.#sendGroup(sink, group)
      this.#note(group, done)
      if (done.error !== null)
        throw group.kind === 'file' && group.mapped ? asTruncation(done.error) : done.error
    }
  }

  result(): TransferResult {
    const ms = performance.now() - this.#began
    const parts = this.#parts.map(({ path, bytes }) => ({ path, bytes }))
    const { path, why } = this.#parts.reduce((most, part) => (part.bytes > most.bytes ? part : most), none)
    return { bytes: this.sentBytes, path, why, copied: this.#copiedBytes, ms, parts }
  }

  #sendGroup(sink: TakenSink, group: Group): Promise<PartDone> {
    const before = this.sentBytes
    const report = (sentBytes: number): void => this.#onProgress(before + sentBytes)
    if (group.kind === 'memory') return runMemory(sink, group.memories, report)
    if (group.kind === 'file') return runFile(sink, group.source, report)
    return runStream(sink, group.from, sentBytes => {
      // It may pause for as long as it likes: what has come must not wait for what comes.
      sink.cork?.set(false)
      report(sentBytes)
    })
  }

  #note(group: Group, { path, why, sentBytes, copiedBytes }: PartDone): void {
    this.sentBytes += sentBytes
    this.#copiedBytes += copiedBytes
    const sizes = group.kind === 'memory' ? group.memories.map(({ bytes }) => bytes) : [sentBytes]
    for (const bytes of sizes) this.#parts.push({ path, bytes, why })
  }
}

const none = { path: 'sendfile', why: 'there is no body to send', bytes: -1 } as const

/** What goes together: memories that follow one another, and each of the others by itself. */
type Group = Exclude<OpenedPart, { kind: 'memory' }> | { kind: 'memory'; memories: HeldMemory[] }

function groupsOf(parts: readonly OpenedPart[]): Group[] {
  const groups: Group[] = []
  for (const part of parts) {
    const last = groups.at(-1)
    if (part.kind !== 'memory') groups.push(part)
    else if (last?.kind === 'memory') last.memories.push(part.memory)
    else groups.push({ kind: 'memory', memories: [part.memory] })
  }
  return groups
}

/** The head of a response, which Node made and which is none of the bytes. */
async function sendHead(sink: TakenSink, text: string): Promise<void> {
  sink.cork?.set(true)
  const bytes = Buffer.from(text, 'latin1')
  const memory = { views: [bytes], bytes: bytes.length, region: null, check: nothing, release: nothing }
  const { error } = await runMemory(sink, [memory], nothing)
  if (error !== null) throw error
}

function nothing(): void {}
