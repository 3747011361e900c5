/**
 * Pipes for splice and tee, kept for the next transfer. A pipe holds references to pages, not bytes: it is how two
 * descriptors hand each other data that neither copies. It goes back empty or not at all, so that no transfer ever
 * finds another's bytes in it.
 */
import { systemError } from '../base/errors.js'
import { KiB, MiB } from '../base/units.js'
import type { Native } from '../native/calls.js'
import { closerOf } from '../native/own.js'

/**
 * What a pipe should hold. More makes fewer calls, and counts against the user's pipe-user-pages-soft (64 MiB by
 * default): past that the kernel refuses, and a pipe keeps the 64 KiB, or the one page, that it was made with.
 */
const pipeBytes = 256 * KiB
/** What a pipe holds whose flow has proved to be bulk: what an unprivileged process may ask for (pipe-max-size). */
const bulkPipeBytes = 1 * MiB
/** How many may be that large at once, so that other programs of the same user still get pipes. */
const enlargedMax = 16
/** How many are kept that nobody uses: enough for the comings and goings of a busy moment. */
const keptMax = 64

export interface Pipe {
  readonly readFd: number
  readonly writeFd: number
  /** Bytes that it holds at most, if every page in it is full. */
  capacity: number
  close(): void
}

export class PipePool {
  readonly #native: Native
  readonly #kept: Pipe[] = []
  readonly #enlarged = new Set<Pipe>()
  readonly #ends = new Int32Array(2)

  constructor(native: Native) {
    this.#native = native
  }

  /** @throws ERR_SLUICE_DESCRIPTORS where there are no descriptors left */
  take(): Pipe {
    const pipe = this.tryTake()
    if (typeof pipe === 'number') throw systemError(pipe, 'pipe2', 'Opening a pipe to splice through')
    return pipe
  }

  /** → a pipe, or -errno where none can be opened. */
  tryTake(): Pipe | number {
    return this.#kept.pop() ?? this.#open()
  }

  /** Takes the pipe back; `empty` says whether nothing was left in it. */
  give(pipe: Pipe, empty: boolean): void {
    const enlarged = this.#enlarged.delete(pipe)
    if (!empty || this.#kept.length >= keptMax) return pipe.close()
    if (enlarged) this.#resize(pipe, pipeBytes)
    this.#kept.push(pipe)
  }

  /** Makes the pipe of a bulk flow larger, where the kernel and the number of those that are allow it. */
  enlarge(pipe: Pipe): void {
    if (pipe.capacity >= bulkPipeBytes || this.#enlarged.size >= enlargedMax) return
    this.#resize(pipe, bulkPipeBytes)
    if (pipe.capacity >= bulkPipeBytes) this.#enlarged.add(pipe)
  }

  /** Past the user's limits, or smaller than what is in it, a pipe stays as it is. */
  #resize(pipe: Pipe, bytes: number): void {
    const sized = this.#native.fcntl(pipe.writeFd, this.#native.F_SETPIPE_SZ, bytes)
    if (sized > 0) pipe.capacity = sized
  }

  #open(): Pipe | number {
    const native = this.#native
    const made = native.pipe2(this.#ends, native.O_CLOEXEC | native.O_NONBLOCK)
    if (made < 0) return made
    const [readFd, writeFd] = this.#ends as unknown as [number, number]
    const closers = [closerOf(native, readFd), closerOf(native, writeFd)]
    const sized = native.fcntl(writeFd, native.F_SETPIPE_SZ, pipeBytes)
    const capacity = sized > 0 ? sized : native.fcntl(writeFd, native.F_GETPIPE_SZ, 0)
    return { readFd, writeFd, capacity, close: () => closers.forEach(close => void close()) }
  }
}

let shared: PipePool | null = null

/** The pool of this environment: pipes of relays, files and memory are all alike. */
export function sharedPipes(native: Native): PipePool {
  shared ??= new PipePool(native)
  return shared
}
