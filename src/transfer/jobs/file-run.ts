/** One range of a file to a held sink: by the planned path, and where the kernel refuses that, by the next. */

import { kindOfDescriptor } from '../ends/sink-kind.js'
import type { FileDone, FileSending } from '../paths/file-flow.js'
import { MappedFlow } from '../paths/mapped.js'
import { PathRefused } from '../paths/path-refused.js'
import { SendfileFlow } from '../paths/sendfile.js'
import { SpliceFileFlow, SpliceFileToPipeFlow } from '../paths/splice-file.js'
import { sharedPipes } from '../pipe-pool.js'
import type { PathName, Plan } from '../plan/path.js'

/** What moves a file's bytes to a held sink; it tells `done` of the sending when it has settled. */
interface FileMover {
  begin(): void
  interrupt(error: unknown): void
}

export interface FileRunOptions extends FileSending {
  readonly plan: Plan
  /** The plan where these paths are refused. */
  readonly replan: (refused: ReadonlyMap<PathName, string>) => Plan
}

export class FileRun {
  /** The plan that is followed. Where the run ends with PathRefused, copying is what is left, and nothing was sent. */
  plan: Plan
  readonly #options: FileRunOptions
  readonly #done: FileDone
  #refused: Map<PathName, string> | null = null
  #mover: FileMover | null = null

  constructor(options: FileRunOptions, done: FileDone) {
    this.#options = options
    this.#done = done
    this.plan = options.plan
  }

  begin(): void {
    try {
      this.#mover = this.#moverFor(this.plan.path)
    } catch (error) {
      return this.#onRefused(new PathRefused((error as Error).message))
    }
    this.#mover.begin()
  }

  interrupt(error: unknown): void {
    this.#mover?.interrupt(error)
  }

  /** @throws ERR_SLUICE_DESCRIPTORS where there is no pipe to be had */
  #moverFor(path: PathName): FileMover {
    const sending = this.#options
    if (path === 'sendfile') return new SendfileFlow(sending, this.#onDone)
    if (path === 'zerocopy') return new MappedFlow(sending, this.#onDone)
    const isPipe = kindOfDescriptor(sending.native, sending.hold.fd) === 'pipe'
    if (isPipe) return new SpliceFileToPipeFlow(sending, this.#onDone)
    return new SpliceFileFlow(sending, this.#onDone, sharedPipes(sending.native))
  }

  readonly #onDone: FileDone = (error, sentBytes, copiedBytes) => {
    if (error instanceof PathRefused) this.#onRefused(error)
    else this.#done(error, sentBytes, copiedBytes)
  }

  #onRefused(error: PathRefused): void {
    this.#refused ??= new Map()
    this.#refused.set(this.plan.path, error.message)
    this.plan = this.#options.replan(this.#refused)
    if (this.plan.path === 'copy') this.#done(error, 0, 0)
    else this.begin()
  }
}
