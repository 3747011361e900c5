/** A name server: an address, perhaps with a port. */
import { isIP } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { literalAddress, readTarget } from './address.js'

/** @throws ERR_SLUICE_OPTION */
export function checkNameServer(place: string, value: unknown): string {
  if (typeof value === 'string') {
    if (isIP(value) !== 0) return value
    const target = readTarget(value, 1)
    if (target !== null && !('path' in target) && literalAddress(target) !== null) return value
  }
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${place} must be an address, or address:port, not ${show(value)}`,
  )
}
