/**
 * Stream to file: everything that arrives on a socket, a pipe or another stream is written to a file, until the
 * source ends. By splice where the source is a plain socket or pipe and the sink a regular file, else by copying.
 */
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import { defaultEngine } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import { type FileSink, type StreamEnd, sourceTarget } from '../ends/endpoints.js'
import { type OpenedSink, withSink } from '../ends/file-sink.js'
import { DescriptorSource, type HeldSource, SourceHold } from '../ends/source-hold.js'
import { useSource } from '../ends/source-use.js'
import { aborted, watchLimits } from '../interrupt.js'
import { Interruption } from '../interruption.js'
import { PathRefused } from '../paths/path-refused.js'
import { type Bucket, SpliceToFileFlow } from '../paths/splice-to-file.js'
import { type Pipe, sharedPipes } from '../pipe-pool.js'
import type { Plan } from '../plan/path.js'
import { kindOf } from '../plan/plan-relay.js'
import { fileEndBefore, planStreamToFile } from '../plan/plan-stream-to-file.js'
import { writeError } from '../write-error.js'
import type { TransferOptions, TransferResult } from './job.js'
import { copyAll } from './stream-copy.js'

/** Settles only when no thread uses the descriptors any more. */
export async function writeStream(
  from: StreamEnd,
  to: FileSink,
  options: TransferOptions,
): Promise<TransferResult> {
  if (to.end !== undefined) {
    throw new SluiceError('ERR_SLUICE_OPTION', 'end must be left out: the end of the source is the end')
  }
  const target = sourceTarget(from)
  const letGo = useSource(target)
  const began = performance.now()
  let source: HeldSource | null = null
  let job = null as StreamToFile | null
  try {
    // Held before the file is open, so that Node reads nothing of it meanwhile.
    source = hold(target, planStreamToFile(target, fileEndBefore(to), options))
    const result = await withSink(to, sink => {
      job = new StreamToFile({ from: target, source, to, sink, options })
      return job.run()
    })
    return { ...result, ms: performance.now() - began }
  } catch (error) {
    if (error instanceof SluiceError) error.bytes = job?.writtenBytes ?? 0
    throw error
  } finally {
    source?.release(job?.writtenBytes ?? 0)
    letGo()
  }
}

/** A descriptor is held whatever the path, a stream of Node only where it is read around it. */
function hold(from: Readable | number, { path }: Plan): HeldSource | null {
  if (native === null) return null
  if (typeof from === 'number') return new DescriptorSource(native, from)
  return path === 'copy' ? null : new SourceHold(from as Socket)
}

interface SpliceEnd {
  readonly error: unknown
  readonly buckets: readonly Bucket[]
}

interface Ends {
  readonly from: Readable | number
  /** Null where the stream is read through Node. */
  readonly source: HeldSource | null
  readonly to: FileSink
  readonly sink: OpenedSink
  readonly options: TransferOptions
}

class StreamToFile {
  /** Bytes that are in the file. */
  writtenBytes = 0
  #copiedBytes = 0
  readonly #ends: Ends
  readonly #interruption = new Interruption()
  #plan: Plan

  constructor(ends: Ends) {
    this.#ends = ends
    this.#plan = planStreamToFile(ends.from, ends.sink, ends.options)
  }

  async run(): Promise<Omit<TransferResult, 'ms'>> {
    const { source, sink, options } = this.#ends
    // From here on the sink is changed.
    if (options.signal?.aborted) throw aborted(options.signal)
    const stopLimits = watchLimits(options, error => this.#interruption.raise(error))
    try {
      await sink.empty()
      if (source?.early) await this.#writeEarly(source.early)
      if (this.#plan.path === 'copy') await this.#copy([])
      else await this.#splice()
      const { path, why } = this.#plan
      return { bytes: this.writtenBytes, path, why, copied: this.#copiedBytes }
    } finally {
      stopLimits()
    }
  }

  async #splice(): Promise<void> {
    const pipes = takePipes()
    if (typeof pipes === 'string') return await this.#copyBecause(pipes, [])
    let buckets: readonly Bucket[] = []
    try {
      const end = await this.#run(pipes)
      buckets = end.buckets
      if (end.error instanceof PathRefused) {
        await this.#copyBecause(`splice is refused here (${end.error.message})`, buckets)
        // What was in the pipes has been copied.
        buckets = []
      } else if (end.error !== null) throw end.error
    } finally {
      for (const pipe of pipes) {
        const isEmpty = buckets.every(bucket => bucket.pipe !== pipe || bucket.bytes === 0)
        sharedPipes(native!).give(pipe, isEmpty)
      }
    }
  }

  #run(taken: readonly [Pipe, Pipe]): Promise<SpliceEnd> {
    const { from, source, sink, options } = this.#ends
    const before = this.writtenBytes
    return new Promise(resolve => {
      const flow = new SpliceToFileFlow(
        native!,
        defaultEngine()!,
        {
          source: source!,
          isTcp: kindOf(from) === 'tcp',
          file: { fd: sink.fd, name: sink.name, position: this.#position! },
          pipes: sharedPipes(native!),
          taken,
        },
        writtenBytes => options.onProgress?.(before + writtenBytes),
        (error, writtenBytes, buckets) => {
          this.writtenBytes += writtenBytes
          resolve({ error, buckets })
        },
      )
      this.#interruption.pass(error => flow.interrupt(error))
      flow.begin()
    })
  }

  async #copyBecause(refusal: string, held: readonly Bucket[]): Promise<void> {
    const { from, sink, options } = this.#ends
    this.#plan = planStreamToFile(from, sink, options, refusal)
    await this.#copy(held)
  }

  async #copy(held: readonly Bucket[]): Promise<void> {
    const { from, source, sink, options } = this.#ends
    // From here on Node reads it again, where it is Node's.
    if (typeof from !== 'number') source?.release(this.writtenBytes)
    const before = this.writtenBytes
    const { error, sentBytes } = await copyAll({
      from: typeof from === 'number' ? (source?.fd ?? from) : from,
      to: new DescriptorStream(sink.fd, this.#position),
      held,
      onProgress: bytes => options.onProgress?.(before + bytes),
      interruption: this.#interruption,
    })
    this.writtenBytes += sentBytes
    this.#copiedBytes += sentBytes
    if (error !== null) throw this.#ownError(error)
  }

  /** What Node had read, before anything else. */
  async #writeEarly(early: Buffer): Promise<void> {
    const { sink, options } = this.#ends
    while (this.writtenBytes < early.length) {
      const rest = early.subarray(this.writtenBytes)
      const written = await native!.pwriteOffload(sink.fd, rest, this.#position)
      if (written < 0 && written !== -constants.errno.EINTR) throw writeError(written, 'pwrite', sink.name)
      if (written <= 0) continue
      this.writtenBytes += written
      this.#copiedBytes += written
      options.onProgress?.(this.writtenBytes)
    }
  }

  /** A copy takes its sink for a socket; here it is a file. */
  #ownError(error: unknown): unknown {
    if (!(error instanceof SluiceError) || error.syscall !== 'write') return error
    return writeError(error.errno!, 'write', this.#ends.sink.name, error.cause)
  }

  /** Where in the file the next byte goes; null where the kernel knows. */
  get #position(): number | null {
    const { to, sink } = this.#ends
    return sink.regular && !sink.appends ? (to.start ?? 0) + this.writtenBytes : null
  }
}

/** Two, or why there are none. */
function takePipes(): [Pipe, Pipe] | string {
  const pipes = sharedPipes(native!)
  let one: Pipe | null = null
  try {
    one = pipes.take()
    return [one, pipes.take()]
  } catch (error) {
    if (one !== null) pipes.give(one, true)
    return `there are no two pipes to splice through: ${(error as Error).message}`
  }
}
