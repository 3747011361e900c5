/** Checks where a mirror leads. */
import { SluiceError } from '../base/errors.js'
import { checkOneOf, show } from '../base/options.js'
import { parseTarget } from './address.js'
import { checkKnown, checkObject } from './checks.js'
import { type MirrorSettings, mirrorOfs, mirrorSlows } from './options.js'

/** @throws ERR_SLUICE_OPTION */
export function resolveMirror(value: unknown): MirrorSettings {
  const given =
    typeof value === 'string'
      ? { to: value }
      : checkKnown('mirror.', checkObject('mirror', value), ['to', 'slow', 'of'])
  const { to, slow = 'drop', of = 'client' } = given as Record<string, unknown>
  return {
    to: mirrorTarget(typeof value === 'string' ? 'mirror' : 'mirror.to', to),
    slow: checkOneOf('mirror.slow', slow, mirrorSlows),
    of: checkOneOf('mirror.of', of, mirrorOfs),
  }
}

/** @throws ERR_SLUICE_OPTION */
export function mirrorTarget(place: string, to: unknown): MirrorSettings['to'] {
  if (typeof to === 'string') {
    if (to.startsWith('file:') && to.length > 5 && !to.includes('\0'))
      return { kind: 'file', path: to.slice(5) }
    if (to.startsWith('unix:')) return { kind: 'stream', target: parseTarget(place, to, { portMin: 1 }) }
    if (to.startsWith('tcp:'))
      return { kind: 'stream', target: parseTarget(place, to.slice(4), { portMin: 1 }) }
  }
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${place} must be tcp:host:port, unix:/path or file:path, not ${show(to)}`,
  )
}
