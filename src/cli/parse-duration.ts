/** Times on the command line: milliseconds, or a number with ms, s, m or h behind it. */
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'

const units: Record<string, number> = { '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * → whole milliseconds.
 *
 * @throws ERR_SLUICE_OPTION, which names `what`
 */
export function parseDuration(what: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(text) ?? []
  const ms = Number(digits) * (units[unit ?? '?'] ?? Number.NaN)
  if (ms <= 2 ** 31 - 1) return Math.round(ms)
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${what} must be a time of at most 24 days, such as 250ms, 5s, 10m or 1h, not ${show(text)}`,
  )
}

/** As `parseDuration` reads it, in the largest unit that is whole. */
export function showDuration(ms: number): string {
  if (ms === 0) return '0'
  const [unit, factor] = Object.entries(units).findLast(([, factor]) => ms % factor === 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}
