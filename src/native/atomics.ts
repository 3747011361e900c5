/**
 * Hot: the only loads and stores whose order counts: indexes that this process shares with the kernel or with another
 * thread. JavaScript's atomics are sequentially consistent, which is more than acquire and release.
 */

/** Reads an index that the other side moves: what it wrote before moving it is visible afterwards. */
export function loadAcquire(words: Int32Array, index: number): number {
  return Atomics.load(words, index)
}

/** Moves an index that the other side reads: what was written before is visible to it. */
export function storeRelease(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value)
}

/** The same for an index of 16 bits, as a ring of provided buffers has. */
export function storeRelease16(words: Uint16Array, index: number, value: number): void {
  Atomics.store(words, index, value)
}
