/** One transfer from a file to a file: opening both, moving piece by piece on the pool's threads, falling back. */
import { fstat } from 'node:fs'
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { errnoName, SluiceError } from '../../base/errors.js'
import { addonMissing, native } from '../../native/load.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import { type FileSink, type FileSource, isGivenByName } from '../ends/endpoints.js'
import { type OpenedSink, withSink } from '../ends/file-sink.js'
import { checkSameFile } from '../ends/same-file.js'
import { type OpenedSource, openSource } from '../ends/source.js'
import { nextData } from '../extents.js'
import { aborted, watchLimits } from '../interrupt.js'
import { copyFile } from '../paths/copy.js'
import { copyFileRange } from '../paths/copy-file-range.js'
import type { PiecePath } from '../paths/file-piece.js'
import { reflink } from '../paths/reflink.js'
import { sendfileToFile } from '../paths/sendfile-to-file.js'
import type { PathName, Plan } from '../plan/path.js'
import { blockBytes, type FilePair, planForFiles } from '../plan/plan-files.js'
import { writeError } from '../write-error.js'
import type { TransferOptions, TransferResult } from './job.js'

const statDescriptor = promisify(fstat)

/** Those that move pieces; copying goes its own way. */
const piecePaths: Partial<Record<PathName, PiecePath>> = {
  reflink,
  copy_file_range: copyFileRange,
  sendfile: sendfileToFile,
}

const { EBADF, EINTR, EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM, EXDEV } = constants.errno
/** What says that a path is none between these two; whether it is the file that is wrong, the next path tells. */
const refusals: readonly number[] = [EBADF, EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM, EXDEV]

/** Settles only when no thread uses the descriptors any more. */
export async function transferToFile(
  from: FileSource,
  to: FileSink,
  options: TransferOptions,
): Promise<TransferResult> {
  checkEnds(from, to)
  const source = await openSource(from)
  try {
    return await withSink(to, sink => new FileJob(from, source, to, sink, options).run())
  } finally {
    source.close()
  }
}

function checkEnds(from: FileSink, to: FileSink): void {
  if (to.end !== undefined) {
    throw new SluiceError('ERR_SLUICE_OPTION', 'end must be given for the source, not for the sink')
  }
  if (from.flags !== undefined || from.mode !== undefined) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      'flags and mode must be given for the sink, not for the source',
    )
  }
}

class FileJob {
  readonly #from: FileSource
  readonly #source: OpenedSource
  readonly #to: FileSink
  readonly #sink: OpenedSink
  readonly #options: TransferOptions
  readonly #began = performance.now()
  readonly #refused = new Map<PathName, string>()
  #plan: Plan | null = null
  /** Bytes of the range that are in the sink, holes included. */
  #doneBytes = 0
  #copiedBytes = 0
  /** Up to here the range is known to be data. */
  #dataEnd = 0
  /** Whether the source may have holes. */
  #sparse = false
  /** What ended the transfer from outside. */
  #interruption: SluiceError | null = null
  #interruptCopy: ((error: SluiceError) => void) | null = null

  constructor(
    from: FileSource,
    source: OpenedSource,
    to: FileSink,
    sink: OpenedSink,
    options: TransferOptions,
  ) {
    this.#from = from
    this.#source = source
    this.#to = to
    this.#sink = sink
    this.#options = options
  }

  async run(): Promise<TransferResult> {
    const { signal } = this.#options
    const stopLimits = watchLimits(this.#options, error => {
      this.#interruption = error
      this.#interruptCopy?.(error)
    })
    try {
      const pair = await this.#examine()
      // From here on the sink is changed.
      if (signal?.aborted) throw aborted(signal)
      if (this.#interruption !== null) throw this.#interruption
      const sinkBytes = await this.#sink.empty()
      this.#plan = planForFiles(pair, this.#options)
      const { length } = this.#source
      if (!pair.seekable || length === null) await this.#copy(length)
      else await this.#move(pair, length, sinkBytes)
      const { path, why } = this.#plan
      const ms = performance.now() - this.#began
      return { bytes: this.#doneBytes, path, why, copied: this.#copiedBytes, ms }
    } catch (error) {
      if (error instanceof SluiceError) error.bytes = this.#doneBytes
      throw error
    } finally {
      stopLimits()
    }
  }

  async #examine(): Promise<FilePair> {
    const { fd, regular, start, length } = this.#source
    const sink = this.#sink
    const { dev, ino, size, blocks } = await statDescriptor(fd, { bigint: true })
    // The unit is 512 bytes everywhere, stat(2). A file that takes less room than it is long may have holes.
    this.#sparse = blocks * 512n < size
    const { flags = 'w', start: to = 0 } = this.#to
    const ownsPosition = isGivenByName(this.#to)
    const same = regular && dev === sink.identity.dev && ino === sink.identity.ino
    if (same && length !== null && !sink.appends) {
      checkSameFile({ name: sink.name, emptied: ownsPosition && flags === 'w', from: start, to, length })
    }
    const end = start + (length ?? 0)
    return {
      addonMissing,
      seekable: regular && sink.regular && length !== null,
      appends: sink.appends,
      ownsPosition,
      from: start,
      to,
      endsOnBlock: end % blockBytes === 0 || end === Number(size),
      bytes: length ?? undefined,
      refused: this.#refused,
    }
  }

  async #move(pair: FilePair, length: number, sinkBytes: number): Promise<void> {
    // Only where the sink has nothing yet does what is not written read as zeros. Asking moves the source's position.
    const keepsHoles =
      native !== null && this.#sparse && isGivenByName(this.#from) && !pair.appends && pair.to >= sinkBytes
    let endsInHole = false
    while (this.#doneBytes < length) {
      if (this.#interruption !== null) throw this.#interruption
      const path = this.#plan!.path
      if (path === 'reflink' || !keepsHoles) this.#dataEnd = length
      else if (this.#doneBytes >= this.#dataEnd) endsInHole = await this.#skipHole(length)
      const count = Math.min(this.#dataEnd, length) - this.#doneBytes
      if (count <= 0) continue
      const piecePath = piecePaths[path]
      if (piecePath === undefined) await this.#copy(count)
      else if (!(await this.#movePiece(path, piecePath, count))) {
        this.#dataEnd = 0
        this.#plan = planForFiles(pair, this.#options)
      }
    }
    if (endsInHole) await this.#sink.extend(pair.to + length)
  }

  /** Goes to the next data, or to the range's end → whether that is reached through a hole. */
  async #skipHole(length: number): Promise<boolean> {
    const { fd, start } = this.#source
    const extent = await nextData(native!, fd, start + this.#doneBytes)
    if (extent === null && (await statDescriptor(fd)).size < start + length) throw this.#shrank(length)
    const dataStart = extent === null ? length : Math.min(extent.start - start, length)
    this.#dataEnd = extent === null ? length : extent.end - start
    if (dataStart > this.#doneBytes) this.#advance(dataStart - this.#doneBytes)
    return dataStart === length
  }

  /** → false where the kernel refuses this path between the two. */
  async #movePiece(name: PathName, path: PiecePath, countMax: number): Promise<boolean> {
    const moved = await path.move(native!, {
      source: this.#source.fd,
      from: this.#source.start + this.#doneBytes,
      sink: this.#sink.fd,
      to: (this.#to.start ?? 0) + this.#doneBytes,
      count: Math.min(countMax, path.pieceBytes),
    })
    if (moved > 0) this.#advance(moved)
    else if (moved === 0) throw this.#shrank(this.#source.length!)
    else if (refusals.includes(-moved)) this.#refused.set(name, errnoName(moved))
    else if (moved !== -EINTR) throw writeError(moved, path.syscall, this.#sink.name)
    return !this.#refused.has(name)
  }

  /** `count`: number of bytes, or null for all there are until the end. */
  async #copy(count: number | null): Promise<void> {
    const { fd, regular, start } = this.#source
    const sink = this.#sink
    const before = this.#doneBytes
    const position = sink.regular && !sink.appends ? (this.#to.start ?? 0) + before : null
    const stream = new DescriptorStream(sink.fd, position)
    const { onProgress } = this.#options
    const run = copyFile({ fd, start: regular ? start + before : null, length: count }, stream, sentBytes =>
      onProgress?.(before + sentBytes),
    )
    this.#interruptCopy = error => run.interrupt(error)
    if (this.#interruption !== null) run.interrupt(this.#interruption)
    const { error } = await run.done
    this.#interruptCopy = null
    await new Promise<void>(resolve => stream.close(resolve))
    this.#doneBytes += stream.bytesWritten
    this.#copiedBytes += stream.bytesWritten
    if (error !== null) throw this.#ownError(error)
  }

  /** A copy takes its sink for a socket; here it is a file. */
  #ownError(error: unknown): unknown {
    if (!(error instanceof SluiceError) || error.syscall !== 'write') return error
    return writeError(error.errno!, 'write', this.#sink.name, error.cause)
  }

  #advance(bytes: number): void {
    this.#doneBytes += bytes
    this.#options.onProgress?.(this.#doneBytes)
  }

  #shrank(length: number): SluiceError {
    const missing = length - this.#doneBytes
    return new SluiceError('ERR_SLUICE_FILE_SHRANK', `The file ended ${missing} bytes early`)
  }
}
