/** One transfer from memory to a file: piece by piece on the pool's threads, falling back where a path is refused. */
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import { errnoName, SluiceError } from '../../base/errors.js'
import { MiB } from '../../base/units.js'
import { Lease } from '../../memory/lease.js'
import { Region } from '../../memory/region.js'
import { native } from '../../native/load.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import { type FileSink, isGivenByName } from '../ends/endpoints.js'
import { type OpenedSink, withSink } from '../ends/file-sink.js'
import type { MemorySource } from '../ends/memory-source.js'
import { watchLimits } from '../interrupt.js'
import { goneError, type HeldMemory, holdMemory, intact } from '../memory-pieces.js'
import { copyMemory } from '../paths/copy-memory.js'
import { sendfileToFile } from '../paths/sendfile-to-file.js'
import type { PathName, Plan } from '../plan/path.js'
import { planMemoryToFile } from '../plan/plan-memory-file.js'
import { writeError } from '../write-error.js'
import type { TransferOptions, TransferResult } from './job.js'

/** Between pieces a transfer can be ended, and tells how far it is. */
const pieceBytes = 16 * MiB

const { EFAULT, EINTR, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno
/** What says that a path is none here; whether it is the file that is wrong, the next path tells. */
const refusals: readonly number[] = [EINVAL, ENOSYS, EOPNOTSUPP, EPERM]

/** Settles only when no thread uses the descriptor or the memory any more. */
export async function writeMemory(
  source: MemorySource,
  to: FileSink,
  options: TransferOptions,
): Promise<TransferResult> {
  if (to.end !== undefined) {
    throw new SluiceError('ERR_SLUICE_OPTION', 'end must be given for the memory, not for the sink')
  }
  const memory = holdMemory(source)
  const job = new MemoryFileJob(source, memory, to, options)
  try {
    return await withSink(to, sink => job.run(sink))
  } finally {
    memory.release()
  }
}

class MemoryFileJob {
  readonly #source: MemorySource
  readonly #memory: HeldMemory
  readonly #to: FileSink
  readonly #options: TransferOptions
  /** Asked for at once: a region that is being closed, and waits for the transfer, does not tell. */
  readonly #regionFd: number | null
  readonly #began = performance.now()
  readonly #refused = new Map<PathName, string>()
  #doneBytes = 0
  #copiedBytes = 0
  /** What ended the transfer from outside. */
  #interruption: SluiceError | null = null
  #interruptCopy: ((error: SluiceError) => void) | null = null

  constructor(source: MemorySource, memory: HeldMemory, to: FileSink, options: TransferOptions) {
    this.#source = source
    this.#memory = memory
    this.#to = to
    this.#options = options
    const { of } = source
    this.#regionFd = of instanceof Region ? of.fd : of instanceof Lease ? of.region.fd : null
  }

  async run(sink: OpenedSink): Promise<TransferResult> {
    const stopLimits = watchLimits(this.#options, error => {
      this.#interruption = error
      this.#interruptCopy?.(error)
    })
    try {
      if (this.#interruption !== null) throw this.#interruption
      // From here on the sink is changed.
      await sink.empty()
      const { path, why } = await this.#move(sink)
      this.#memory.check()
      const ms = performance.now() - this.#began
      return { bytes: this.#doneBytes, path, why, copied: this.#copiedBytes, ms }
    } catch (error) {
      if (error instanceof SluiceError) error.bytes = this.#doneBytes
      throw error
    } finally {
      stopLimits()
    }
  }

  /** → the plan that was followed in the end. */
  async #move(sink: OpenedSink): Promise<Plan> {
    const { regular, appends } = sink
    const pair = { regular, appends, ownsPosition: isGivenByName(this.#to), refused: this.#refused }
    let plan = planMemoryToFile(this.#source, pair, this.#options)
    while (this.#doneBytes < this.#memory.bytes) {
      if (this.#interruption !== null) throw this.#interruption
      if (!intact(this.#memory)) throw goneError()
      if (plan.path === 'copy') await this.#copy(sink)
      else if (!(await this.#movePiece(plan.path, sink))) {
        plan = planMemoryToFile(this.#source, pair, this.#options)
      }
    }
    return plan
  }

  /** → false where the kernel refuses this path. */
  async #movePiece(path: PathName, sink: OpenedSink): Promise<boolean> {
    const moved = path === 'sendfile' ? await this.#sendPiece(sink) : await this.#writePiece(sink)
    if (moved > 0) {
      this.#doneBytes += moved
      if (path === 'writev') this.#copiedBytes += moved
      this.#options.onProgress?.(this.#doneBytes)
    } else if (refusals.includes(-moved)) this.#refused.set(path, errnoName(moved))
    else if (moved !== -EINTR) {
      // Of a mapped file that is shorter now the kernel says that there is no such memory.
      if (moved === -EFAULT) this.#memory.check()
      throw writeError(moved, path === 'sendfile' ? 'sendfile' : 'pwrite', sink.name)
    }
    return !this.#refused.has(path)
  }

  #writePiece({ fd, appends }: OpenedSink): Promise<number> {
    const done = this.#doneBytes
    const piece = this.#memory.views[0]!.subarray(done, done + pieceBytes)
    return native!.pwriteOffload(fd, piece, appends ? null : (this.#to.start ?? 0) + done)
  }

  #sendPiece({ fd }: OpenedSink): Promise<number> {
    const { of, start = 0 } = this.#source
    const done = this.#doneBytes
    return sendfileToFile.move(native!, {
      source: this.#regionFd!,
      from: (of instanceof Lease ? of.offset : 0) + start + done,
      sink: fd,
      to: (this.#to.start ?? 0) + done,
      count: Math.min(this.#memory.bytes - done, sendfileToFile.pieceBytes),
    })
  }

  /** All that is left. */
  async #copy({ fd, name, regular, appends }: OpenedSink): Promise<void> {
    const before = this.#doneBytes
    const { onProgress } = this.#options
    const position = regular && !appends ? (this.#to.start ?? 0) + before : null
    const stream = new DescriptorStream(fd, position)
    const views = [this.#memory.views[0]!.subarray(before)]
    const rest = { ...this.#memory, views, bytes: this.#memory.bytes - before }
    const run = copyMemory(rest, stream, sentBytes => onProgress?.(before + sentBytes))
    this.#interruptCopy = error => run.interrupt(error)
    const { error } = await run.done
    this.#interruptCopy = null
    await new Promise<void>(resolve => stream.close(resolve))
    this.#doneBytes += stream.bytesWritten
    this.#copiedBytes += stream.bytesWritten
    if (error !== null) throw ownError(error, name)
  }
}

/** A copy takes its sink for a socket; here it is a file. */
function ownError(error: unknown, name: string): unknown {
  if (!(error instanceof SluiceError) || error.syscall !== 'write') return error
  return writeError(error.errno!, 'write', name, error.cause)
}
