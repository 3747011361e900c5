/**
 * The same client to the same upstream, as long as that is there: the highest of the hashes of client and upstream wins
 * (rendezvous hashing, Thaler and Ravishankar 1998), scaled so that weights hold. Who loses its upstream is spread over
 * the others, and nobody else moves. There is no table to be kept.
 */
import type { Balancer, Weighted } from './weighted.js'

export class SourceHash implements Balancer {
  readonly #seeds = new WeakMap<Weighted, number>()

  choose<Candidate extends Weighted>(candidates: readonly Candidate[], client: string): Candidate {
    const hash = hashOf(client)
    let best = candidates[0]!
    let most = Number.NEGATIVE_INFINITY
    for (const candidate of candidates) {
      // Of a number u that is evenly spread between 0 and 1, the highest weight / -ln(u) wins in proportion to its weight.
      const spread = (mix(hash ^ this.#seedOf(candidate)) + 0.5) / 2 ** 32
      const score = -candidate.weight / Math.log(spread)
      if (score > most) {
        best = candidate
        most = score
      }
    }
    return best
  }

  #seedOf(candidate: Weighted): number {
    let seed = this.#seeds.get(candidate)
    if (seed === undefined) {
      seed = hashOf(candidate.key)
      this.#seeds.set(candidate, seed)
    }
    return seed
  }
}

/** FNV-1a (draft-eastlake-fnv), then mixed: addresses that differ in one digit must not end alike. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mix(hash)
}

/** The finalizer of MurmurHash3: every bit of the result depends on every bit of the number. */
function mix(number: number): number {
  let hash = number ^ (number >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
