/** Who has the fewest connections for its weight; among equals, one after the other. */
import { RoundRobin } from './round-robin.js'
import type { Balancer, Weighted } from './weighted.js'

export class LeastConnections implements Balancer {
  readonly #turns = new RoundRobin()

  choose<Candidate extends Weighted>(candidates: readonly Candidate[]): Candidate {
    let least = Number.POSITIVE_INFINITY
    for (const { open, weight } of candidates) least = Math.min(least, open / weight)
    return this.#turns.choose(candidates.filter(({ open, weight }) => open / weight === least))
  }
}
