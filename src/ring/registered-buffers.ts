/**
 * Memory that the kernel has pinned for a ring once, so that fixed reads, writes and zero-copy sends need not pin it
 * each time. It counts against the limit on locked memory. The table is registered as a whole, once.
 *
 * The kernel goes by the pages that are there when they are registered. So leases of a region that is registered are
 * not sent by reference meanwhile, which would give their slots other pages.
 */
import type { Native } from '../native/calls.js'
import { REGISTER_BUFFERS, UNREGISTER_BUFFERS } from './flags.js'
import { iovec } from './layout.js'
import { registerRefused } from './refusal.js'
import type { RingMemory } from './ring-memory.js'

export class RegisteredBuffers {
  readonly #native: Native
  readonly #fd: number
  #count = 0
  #pagesKept: (() => void)[] = []

  constructor(native: Native, fd: number) {
    this.#native = native
    this.#fd = fd
  }

  get count(): number {
    return this.#count
  }

  /**
   * Memory n of the list becomes buffer number n. Each is at most 1 GiB.
   *
   * @throws ERR_SLUICE_MEMORY where the limit on locked memory is too low; ERR_SLUICE_SYSCALL where there is a table;
   *   ERR_SLUICE_IN_FLIGHT where leases of such a region are being sent by reference
   */
  register(memories: readonly RingMemory[]): void {
    const vectors = new Int32Array(memories.length * iovec.words)
    for (const [index, memory] of memories.entries()) {
      vectors[index * iovec.words] = memory.lowAt(0, memory.byteLength)
      vectors[index * iovec.words + 1] = memory.high
      vectors[index * iovec.words + iovec.length] = memory.byteLength
    }
    const kept = keepPages(memories)
    const errno = this.#native.ioUringRegister(this.#fd, REGISTER_BUFFERS, vectors, memories.length)
    if (errno < 0) {
      allowAll(kept)
      throw registerRefused(errno, `Registering ${memories.length} buffers`)
    }
    this.#count = memories.length
    this.#pagesKept = kept
  }

  /** Ends the table, once nothing in flight uses it any more. */
  close(): void {
    if (this.#count === 0) return
    this.#count = 0
    this.#native.ioUringRegister(this.#fd, UNREGISTER_BUFFERS, new Int32Array(0), 0)
    allowAll(this.#pagesKept)
  }
}

/** Of all memories, or of none. */
function keepPages(memories: readonly RingMemory[]): (() => void)[] {
  const kept: (() => void)[] = []
  try {
    for (const memory of memories) kept.push(memory.keepPages())
  } catch (error) {
    allowAll(kept)
    throw error
  }
  return kept
}

function allowAll(kept: readonly (() => void)[]): void {
  for (const allow of kept) allow()
}
