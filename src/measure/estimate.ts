/** What paths cost, by a few batches each of which many were disturbed. */

/** What is known of a path: one or the other, or both. */
export interface Observed {
  /** Of each batch the nanoseconds for one transfer; none where it is only known from elsewhere. */
  readonly ns: readonly number[]
  /** What it costs elsewhere; null where nothing but the batches is to be believed. */
  readonly elsewhereNs: number | null
}

export interface Estimate {
  /** The logarithm of the nanoseconds. */
  readonly log: number
  /** The standard error of that. */
  readonly error: number
}

/**
 * The geometric mean of the lowest third: much makes a batch dearer (code that is not compiled yet, a reader on the same
 * processor: up to four times) and hardly anything cheaper, so that a mean or a median tells how often that happened;
 * and the lowest one alone tells who was lucky.
 */
function logOf(ns: readonly number[]): number {
  const lowest = [...ns].sort((a, b) => a - b).slice(0, Math.ceil(ns.length / 3))
  return lowest.reduce((sum, each) => sum + Math.log(each), 0) / lowest.length
}

/** How far that is off: of one batch nothing is to be believed, of eight a quarter, of 32 a sixteenth. */
function errorOf(batches: number): number {
  return 2 / batches
}

/** How far what one path costs more than another is off elsewhere, as a standard deviation of the logarithm. */
const elsewhereError = 0.25

/**
 * What was seen, drawn towards what is so elsewhere by as much as it is uncertain: of the ratios between the paths, not
 * of the level, which belongs to the machine (best linear unbiased prediction, Henderson 1975).
 */
export function estimate(paths: readonly Observed[]): Estimate[] {
  let weights = 0
  let level = 0
  for (const { ns, elsewhereNs } of paths) {
    if (elsewhereNs === null || ns.length === 0) continue
    const weight = 1 / (elsewhereError ** 2 + errorOf(ns.length) ** 2)
    weights += weight
    level += weight * (logOf(ns) - Math.log(elsewhereNs))
  }
  // Before anything was seen the level is that of elsewhere.
  if (weights > 0) level /= weights
  return paths.map(({ ns, elsewhereNs }) => {
    const error = errorOf(ns.length)
    if (elsewhereNs === null) return { log: logOf(ns), error }
    const expected = Math.log(elsewhereNs) + level
    if (ns.length === 0) return { log: expected, error: elsewhereError }
    const belief = elsewhereError ** 2 / (elsewhereError ** 2 + error ** 2)
    return { log: expected + belief * (logOf(ns) - expected), error: error * Math.sqrt(belief) }
  })
}
