/** From a backlog to a file: splice(2) on a thread of the pool, as a file's writing may wait for its disk. */
import { constants } from 'node:os'
import type { Native } from '../../native/calls.js'
import { writeError } from '../write-error.js'
import { isRefusal } from './path-refused.js'
import type { Backlog } from './tee-backlog.js'
import type { Branch, BranchEvents } from './tee-branch.js'
import { writePieceBytes } from './write-piece.js'

const { EINTR } = constants.errno

export interface FileEnd {
  readonly fd: number
  readonly name: string
  /** Where the first byte goes. */
  readonly position: number
}

export class FileBranch implements Branch {
  readonly path = 'tee'
  readonly copiedBytes = 0
  sentBytes = 0
  readonly #native: Native
  readonly #file: FileEnd
  readonly #backlog: Backlog
  readonly #events: BranchEvents
  /** What the thread does now. */
  #writing: Promise<void> | null = null
  #ended = false

  constructor(native: Native, file: FileEnd, backlog: Backlog, events: BranchEvents) {
    this.#native = native
    this.#file = file
    this.#backlog = backlog
    this.#events = events
  }

  get busy(): boolean {
    return this.#writing !== null
  }

  wake(): void {
    if (this.#writing === null && !this.#ended && this.#backlog.bytes > 0) this.#writing = this.#write()
  }

  /** Only a thread may wait for the disk. */
  drain(): void {}

  async end(): Promise<void> {
    this.#ended = true
    await this.#writing
  }

  async #write(): Promise<void> {
    const { fd, position } = this.#file
    const backlog = this.#backlog
    backlog.pinned = true
    const { readFd } = backlog.first
    const at = position + this.sentBytes
    const moved = await this.#native.spliceOffload(readFd, fd, at, backlog.firstBytes, writePieceBytes)
    backlog.pinned = false
    this.#writing = null
    if (moved > 0) {
      backlog.took(moved)
      this.sentBytes += moved
    }
    if (this.#ended) return
    if (moved <= 0 && moved !== -EINTR) return this.#notWritten(moved)
    this.wake()
    this.#events.moved()
  }

  #notWritten(result: number): void {
    this.#ended = true
    if (this.sentBytes === 0 && isRefusal(result)) this.#events.refused(result)
    else this.#events.failed(writeError(result, 'splice', this.#file.name))
  }
}
