/** Checks the options of a proxy, and fills in what was not given. */
import { SluiceError } from '../base/errors.js'
import { checkOneOf, show } from '../base/options.js'
import { AccessList } from './access.js'
import { parseTarget } from './address.js'
import { checkKnown, checkList, checkObject } from './checks.js'
import { checkRouteName } from './name-routes.js'
import { checkNameServer } from './name-server.js'
import { checkNumbers, limitOf, proxyNumbers, resolveNumbers } from './number-options.js'
import {
  type AccessRule,
  balances,
  type CheckSettings,
  type GroupSettings,
  type ProxyOptions,
  type ProxySettings,
  proxyOptionNames,
  proxyProtocols,
  type UpstreamList,
} from './options.js'
import { resolveMirror } from './resolve-mirror.js'
import { resolveUpstreams } from './resolve-upstreams.js'

export const namesMax = 4096
export const accessRulesMax = 4096
export const nameServersMax = 8

/** @throws ERR_SLUICE_OPTION, which says where: `upstreams[1].weight must be …` */
export function resolveProxyOptions(options: ProxyOptions): ProxySettings {
  const given = checkKnown('', checkObject('the options', options), proxyOptionNames)
  const numbers = resolveNumbers(proxyNumbers, given)
  const {
    upstreams,
    sni,
    balance = 'round-robin',
    proxyProtocol = 'none',
    access = [],
    nameServers = [],
  } = given
  const version = checkVersion(given.proxyProtocolVersion)
  const protocol = checkOneOf('proxyProtocol', proxyProtocol, proxyProtocols)
  const proxyOut = protocol === 'out' || protocol === 'both' ? version : 0
  const shared = {
    balance: checkOneOf('balance', balance, balances),
    queueMax: numbers.queueMax,
    queueMs: numbers.queueMs,
    failuresMax: numbers.failuresMax,
    backoffMs: numbers.backoffMs,
    connectMs: numbers.connectMs,
    check: resolveCheck(given.check, proxyOut),
  }
  const group = (place: string, list: unknown): GroupSettings => ({
    ...shared,
    upstreams: resolveUpstreams(place, list),
  })
  const names = resolveNames(sni, group)
  if (upstreams === undefined && names.size === 0) throw missingUpstreams()
  return {
    listen: parseTarget('listen', given.listen, { portMin: 0 }),
    fallback: upstreams === undefined ? null : group('upstreams', upstreams),
    sni: names,
    mirror: given.mirror === undefined ? null : resolveMirror(given.mirror),
    proxyIn: protocol === 'in' || protocol === 'both',
    proxyOut,
    access: resolveAccess(access),
    connectMs: numbers.connectMs,
    helloMs: numbers.helloMs,
    idleMs: limitOf(numbers.idleMs),
    halfClosedMs: limitOf(numbers.halfClosedMs),
    lifetimeMs: limitOf(numbers.lifetimeMs),
    connectionsMax: numbers.connectionsMax,
    attemptsMax: numbers.attemptsMax,
    resolveMs: numbers.resolveMs,
    nameServers: checkList('nameServers', nameServers, nameServersMax).map((server, index) =>
      checkNameServer(`nameServers[${index}]`, server),
    ),
    onEnd: checkOnEnd(given.onEnd),
  }
}

function missingUpstreams(): SluiceError {
  return new SluiceError('ERR_SLUICE_OPTION', 'upstreams must say where connections go')
}

function resolveNames(
  sni: unknown,
  group: (place: string, list: unknown) => GroupSettings,
): Map<string, GroupSettings> {
  const groups = new Map<string, GroupSettings>()
  if (sni === undefined) return groups
  for (const [name, list] of Object.entries(checkObject('sni', sni))) {
    if (groups.size === namesMax)
      throw new SluiceError('ERR_SLUICE_OPTION', `sni must have at most ${namesMax} names`)
    const place = `sni[${show(name)}]`
    const route = checkRouteName(place, name)
    if (groups.has(route))
      throw new SluiceError('ERR_SLUICE_OPTION', `${place} is there twice: capitals make no difference`)
    groups.set(route, group(place, list as UpstreamList))
  }
  return groups
}

function resolveCheck(check: unknown, proxyOut: CheckSettings['proxyOut']): CheckSettings | null {
  if (check === undefined || check === false) return null
  if (check !== true && typeof check !== 'object')
    throw new SluiceError('ERR_SLUICE_OPTION', `check must be true, false or an object, not ${show(check)}`)
  const given = check === true ? {} : checkObject('check', check)
  const known = checkKnown('check.', given, Object.keys(checkNumbers))
  return { ...resolveNumbers(checkNumbers, known, 'check.'), proxyOut }
}

function checkVersion(version: unknown): 1 | 2 {
  if (version === undefined || version === 1) return 1
  if (version === 2) return 2
  throw new SluiceError('ERR_SLUICE_OPTION', `proxyProtocolVersion must be 1 or 2, not ${show(version)}`)
}

function resolveAccess(access: unknown): AccessRule[] {
  const rules = checkList('access', access, accessRulesMax).map((rule, index) => {
    const place = `access[${index}]`
    const entries = Object.entries(checkObject(place, rule))
    const [kind, clients] = entries[0] ?? []
    if (entries.length !== 1 || (kind !== 'allow' && kind !== 'deny') || typeof clients !== 'string')
      throw new SluiceError('ERR_SLUICE_OPTION', `${place} must be { "allow": "…" } or { "deny": "…" }`)
    return kind === 'allow' ? { allow: clients } : { deny: clients }
  })
  // What is wrong in them is said now, and not to the first client.
  new AccessList(rules)
  return rules
}

function checkOnEnd(onEnd: unknown): ProxyOptions['onEnd'] {
  if (onEnd === undefined || typeof onEnd === 'function') return onEnd as ProxyOptions['onEnd']
  throw new SluiceError('ERR_SLUICE_OPTION', `onEnd must be a function, not ${show(onEnd)}`)
}
