/** Bytes of a response in the server's memory; the block goes back when no send names it and nobody remembers it. */
import type { Arena, Block } from './arena.js'

export class Stored {
  readonly offset: number
  readonly length: number
  readonly #arena: Arena
  readonly #block: Block
  #users = 1

  /** Null where the memory is full. */
  static of(arena: Arena, length: number): Stored | null {
    const block = arena.take(length)
    return block === null ? null : new Stored(arena, block, length)
  }

  private constructor(arena: Arena, block: Block, length: number) {
    this.#arena = arena
    this.#block = block
    this.offset = block.offset
    this.length = length
  }

  /** Whether a send names the bytes, so that they must stay as they are. */
  get inUse(): boolean {
    return this.#users > 1
  }

  enter(): void {
    this.#users++
  }

  leave(): void {
    this.#users--
    if (this.#users === 0) this.#arena.give(this.#block)
  }
}
