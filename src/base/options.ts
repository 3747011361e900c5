/** Checks of what callers pass in: once, at the border, with an error that says what is allowed. */
import { SluiceError } from './errors.js'

interface IntegerLimits {
  min: number
  max?: number
}

/** A whole number within limits; `name` is the option's, for the message. */
export function checkInteger(
  name: string,
  value: unknown,
  { min, max = Number.MAX_SAFE_INTEGER }: IntegerLimits,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`
    throw new SluiceError('ERR_SLUICE_OPTION', `${name} must be a whole number, ${range}, not ${show(value)}`)
  }
  return value
}

/** One of a few words. */
export function checkOneOf<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
  if (!words.includes(value as Word)) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `${name} must be one of ${words.join(', ')}, not ${show(value)}`,
    )
  }
  return value as Word
}

/** How a value looks in a message: short, and safe to print. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'number' || value === null || value === undefined || typeof value === 'boolean')
    return String(value)
  return typeof value === 'bigint' ? `${value}n` : `a value of type ${typeof value}`
}
