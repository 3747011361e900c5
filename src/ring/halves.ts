/** Hot: numbers of 64 bits as two 32-bit halves, which is how they stand in the kernel's structures. */

const highUnit = 2 ** 32

/** The low half of a whole number up to 2^53, or of a small negative one. */
export function lowHalf(value: number): number {
  return value | 0
}

/** The high half. */
export function highHalf(value: number): number {
  // Nearly all offsets and lengths are small; the division costs more than the question.
  return value >= 0 && value < highUnit ? 0 : Math.floor(value / highUnit) | 0
}
