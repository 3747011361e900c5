/** Where measuring takes place: a folder, a peer process, and everything else that must be gone in the end. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncDispose } from '../base/dispose.js'
import { systemError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { PeerProcess } from './peer-process.js'

export class Laboratory {
  readonly native: Native
  readonly peer: PeerProcess
  readonly #folder: string
  /** In the order of making. */
  readonly #undo: (() => unknown)[] = []
  #names = 0

  /** @throws ERR_SLUICE_FILE, ERR_SLUICE_SYSCALL where there is no folder for temporary files */
  static async open(native: Native): Promise<Laboratory> {
    const prefix = join(tmpdir(), 'sluice-measure-')
    const folder = await mkdtemp(prefix).catch((cause: NodeJS.ErrnoException) => {
      throw systemError(cause.errno ?? 0, 'mkdir', `Making ${prefix}…`, { cause })
    })
    return new Laboratory(native, folder)
  }

  private constructor(native: Native, folder: string) {
    this.native = native
    this.#folder = folder
    this.peer = new PeerProcess()
  }

  /** A name in the folder that nothing has yet. */
  name(): string {
    this.#names++
    return join(this.#folder, String(this.#names))
  }

  /** What is to be done in the end. */
  atEnd(undo: () => unknown): void {
    this.#undo.push(undo)
  }

  /** The ends of a pipe: closed by the caller. @throws ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_SYSCALL */
  pipe(): { output: number; input: number } {
    const ends = new Int32Array(2)
    const { native } = this
    const result = native.pipe2(ends, native.O_CLOEXEC | native.O_NONBLOCK)
    if (result < 0) throw systemError(result, 'pipe2', 'Making a pipe')
    return { output: ends[0]!, input: ends[1]! }
  }

  async close(): Promise<void> {
    // First: whatever waits for the peer fails now.
    await this.peer.close()
    for (const undo of this.#undo.reverse()) await undo()
    // A transfer that was interrupted may still create its file.
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** By what name the peer process opens a descriptor of this one: proc_pid_fd(5). */
export function nameForPeer(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`
}
