/** Random numbers that a seed repeats: xorshift (Marsaglia, 2003), good enough to choose among few. */
export class Random {
  #state: number

  constructor(seed: number) {
    // Zero would stay zero.
    this.#state = seed >>> 0 || 1
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }

  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length || 1)]
  }
}

/** SLUICE_SEED, or a new seed each time. */
export function seedFromEnvironment(): number {
  return Number(process.env.SLUICE_SEED ?? Math.floor(Math.random() * 2 ** 32))
}
