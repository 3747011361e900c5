/**
 * One after the other, as often as their weights say, and evenly spread: weights 3 and 1 give a a b a, not a a a b. Each
 * turn every candidate gains its weight, and the one that has most is chosen and pays what all have gained (as nginx).
 */
import type { Balancer, Weighted } from './weighted.js'

export class RoundRobin implements Balancer {
  /** Nobody else keeps upstreams that are gone. */
  readonly #gained = new WeakMap<Weighted, number>()

  choose<Candidate extends Weighted>(candidates: readonly Candidate[]): Candidate {
    let best = candidates[0]!
    let most = Number.NEGATIVE_INFINITY
    let total = 0
    for (const candidate of candidates) {
      const gained = (this.#gained.get(candidate) ?? 0) + candidate.weight
      this.#gained.set(candidate, gained)
      total += candidate.weight
      if (gained > most) {
        best = candidate
        most = gained
      }
    }
    this.#gained.set(best, most - total)
    return best
  }
}
