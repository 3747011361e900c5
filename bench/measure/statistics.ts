/** What a row of repeated measurements comes to: the middle and the spread, without assuming a distribution. */
export interface Summary {
  count: number
  min: number
  /** First quartile: a quarter of the values are below it. */
  lower: number
  median: number
  /** Third quartile. */
  upper: number
  max: number
}

export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('a summary needs at least one value')
  const sorted = [...values].sort((a, b) => a - b)
  return {
    count: sorted.length,
    min: quantile(sorted, 0),
    lower: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    upper: quantile(sorted, 0.75),
    max: quantile(sorted, 1),
  }
}

/** The value at a fraction of the way through sorted values, interpolated between neighbours. */
function quantile(sorted: readonly number[], fraction: number): number {
  const position = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(position)]!
  const above = sorted[Math.ceil(position)]!
  return below + (above - below) * (position - Math.floor(position))
}
