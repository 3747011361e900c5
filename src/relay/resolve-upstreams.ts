/** Checks a list of upstreams. */
import { SluiceError } from '../base/errors.js'
import { parseTarget } from './address.js'
import { checkBoolean, checkKnown, checkList, checkObject } from './checks.js'
import { limitOf, resolveNumbers, upstreamNumbers } from './number-options.js'
import type { UpstreamSettings } from './options.js'

export const upstreamsMax = 256

const names = ['address', 'backup', ...Object.keys(upstreamNumbers)]

/** @throws ERR_SLUICE_OPTION */
export function resolveUpstreams(place: string, value: unknown): UpstreamSettings[] {
  const list = checkList(place, value, upstreamsMax)
  if (list.length === 0)
    throw new SluiceError('ERR_SLUICE_OPTION', `${place} must name at least one upstream`)
  return list.map((upstream, index) => resolveUpstream(`${place}[${index}]`, upstream))
}

function resolveUpstream(place: string, value: unknown): UpstreamSettings {
  if (typeof value === 'string')
    return { target: parseTarget(place, value, { portMin: 1 }), ...resolveRest(place, {}) }
  const given = checkKnown(`${place}.`, checkObject(place, value), names)
  return {
    target: parseTarget(`${place}.address`, given.address, { portMin: 1 }),
    ...resolveRest(place, given),
  }
}

function resolveRest(
  place: string,
  given: Readonly<Record<string, unknown>>,
): Omit<UpstreamSettings, 'target'> {
  const { backup = false } = given
  const { weight, connectionsMax } = resolveNumbers(upstreamNumbers, given, `${place}.`)
  return {
    weight,
    backup: checkBoolean(`${place}.backup`, backup),
    connectionsMax: limitOf(connectionsMax),
  }
}
