/**
 * Hot: file to socket or pipe by splice(2). References to the file's pages go into a pipe, and where the sink is none,
 * from there into the socket's queue; no byte passes through this process.
 */
import type { Pipe, PipePool } from '../pipe-pool.js'
import { type FileDone, FileFlow, type FileSending } from './file-flow.js'

/** To a pipe: one call is all. */
export class SpliceFileToPipeFlow extends FileFlow {
  protected get syscall(): string {
    return 'splice'
  }

  protected move(offset: number, count: number): number {
    const { SPLICE_F_NONBLOCK } = this.native
    return this.native.splice(this.fileFd, offset, this.fd, null, count, SPLICE_F_NONBLOCK)
  }
}

/** To a socket, through a pipe of our own. */
export class SpliceFileFlow extends FileFlow {
  readonly #pipes: PipePool
  readonly #pipe: Pipe
  /** Bytes in the pipe, which the socket has not taken yet: those of the file from the offset on. */
  #held = 0

  /** @throws ERR_SLUICE_DESCRIPTORS where there is no pipe to be had */
  constructor(sending: FileSending, done: FileDone, pipes: PipePool) {
    super(sending, done)
    this.#pipes = pipes
    this.#pipe = pipes.take()
  }

  protected get syscall(): string {
    return 'splice'
  }

  /** Fills the pipe only where it is empty: with the rest of a page in it, it may be full with few bytes. */
  protected move(offset: number, count: number): number {
    const { SPLICE_F_NONBLOCK } = this.native
    if (this.#held === 0) {
      const { writeFd } = this.#pipe
      const filled = this.native.splice(this.fileFd, offset, writeFd, null, count, SPLICE_F_NONBLOCK)
      if (filled <= 0) return filled
      this.#held = filled
    }
    const sent = this.native.splice(this.#pipe.readFd, null, this.fd, null, this.#held, SPLICE_F_NONBLOCK)
    if (sent > 0) this.#held -= sent
    return sent
  }

  protected override stop(): void {
    this.#pipes.give(this.#pipe, this.#held === 0)
  }
}
