/** Checks of options that have others in them; the place is said as in `upstreams[1].weight`. */
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'

export type Given = Readonly<Record<string, unknown>>

/** @throws ERR_SLUICE_OPTION */
export function checkObject(place: string, value: unknown): Given {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Given
  throw wrong(place, 'an object', value)
}

/** @throws ERR_SLUICE_OPTION */
export function checkList(place: string, value: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(place, 'a list', value)
  if (value.length <= max) return value
  throw new SluiceError('ERR_SLUICE_OPTION', `${place} must have at most ${max} entries, not ${value.length}`)
}

/** @throws ERR_SLUICE_OPTION */
export function checkBoolean(place: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(place, 'true or false', value)
}

/**
 * An object that has no other names than these: one that is misspelt is not passed over.
 *
 * @throws ERR_SLUICE_OPTION; `place` goes before the name
 */
export function checkKnown(place: string, given: Given, names: readonly string[]): Given {
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `${place}${name} is no option: there are ${names.filter(known => !known.startsWith('$')).join(', ')}`,
    )
  }
  return given
}

function wrong(place: string, what: string, value: unknown): SluiceError {
  const shown = Array.isArray(value) ? 'a list' : show(value)
  return new SluiceError('ERR_SLUICE_OPTION', `${place} must be ${what}, not ${shown}`)
}
